import { connect } from 'node:net'
import { request } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { serve, type Server } from '../../../adapters/observe/index.ts'

const open: Server[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each.close()
})

const host = '127.0.0.1'
const served = async (changes: Partial<Parameters<typeof serve>[0]> = {}) => {
  const metrics = async () => ({ type: 'text/plain; version=0.0.4', body: 'up 1\n' })
  const server = await serve({ host, port: 0, metrics, healthy: () => [], ready: async () => [], ...changes })
  open.push(server)
  return server
}
const get = async ({ port }: Server, path: string, init: RequestInit = {}) => {
  const response = await fetch(`http://${host}:${port}${path}`, init)
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() }
}

/** Sends bytes as they are, and waits until the other side has closed. */
const raw = ({ port }: Server, bytes: string | Buffer) =>
  new Promise<string>((resolve) => {
    let heard = ''
    const socket = connect(port, host, () => socket.end(bytes))
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')))
    socket.on('error', () => {})
    socket.on('close', () => resolve(heard))
  })

test('serves the metrics under the type that they have', async () => {
  const answer = await get(await served(), '/metrics?x=1')
  expect(answer).toEqual({ status: 200, type: 'text/plain; version=0.0.4', body: 'up 1\n' })
})

test('is alive and ready without a reason against it, and neither with one', async () => {
  const well = await served()
  expect(await get(well, '/healthz')).toMatchObject({ status: 200, body: '{"status":"alive","reasons":[]}\n' })
  expect(await get(well, '/readyz')).toMatchObject({ status: 200, body: '{"status":"ready","reasons":[]}\n' })
  const ill = await served({ healthy: () => ['fenced for good'], ready: async () => ['the log is away'] })
  expect(await get(ill, '/healthz')).toMatchObject({ status: 503, type: 'application/json' })
  expect(JSON.parse((await get(ill, '/readyz')).body)).toEqual({ status: 'not ready', reasons: ['the log is away'] })
})

test('what fails while it is asked is an answer, too', async () => {
  const server = await served({ metrics: () => Promise.reject(new Error('no numbers today')) })
  expect(await get(server, '/metrics')).toEqual({ status: 500, type: 'text/plain', body: 'no numbers today\n' })
  expect((await get(server, '/healthz')).status).toBe(200)
})

describe('nothing that is asked brings it down:', () => {
  test.each([
    ['another path', 'GET /%ff%00../../etc/passwd HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', /^HTTP\/1\.1 404/],
    ['a path without a beginning', 'GET __proto__ HTTP/1.1\r\nhost: x\r\n\r\n', /^(HTTP\/1\.1 40\d|$)/],
    [
      'a whole address',
      'GET http://[::bad/metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      /^HTTP\/1\.1 40\d/,
    ],
    [
      'another method',
      'POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi',
      /^HTTP\/1\.1 405/,
    ],
    ['no HTTP at all', Buffer.from([22, 3, 1, 0, 200, 1, 0, 0]), /^$/],
    ['an endless header', `GET /metrics HTTP/1.1\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`, /^(HTTP\/1\.1 4\d\d|$)/],
    ['a header that is none', 'GET /metrics HTTP/1.1\r\n\u0000: \u0001\r\n\r\n', /^$/],
    ['an upgrade', 'GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n', /^/],
    ['half a request', 'GET /met', /^$/],
  ])('%s', async (_what, bytes, answer) => {
    const server = await served()
    expect(await raw(server, bytes)).toMatch(answer)
    expect((await get(server, '/metrics')).status).toBe(200)
  })

  test('HEAD is answered without a body', async () => {
    const { port } = await served()
    const length = await new Promise((resolve) =>
      request({ host, port, path: '/metrics', method: 'HEAD' }, (response) => {
        response.resume().on('end', () => resolve(response.headers['content-length']))
      }).end(),
    )
    expect(length).toBe('5')
  })
})

test('a port that is taken is refused with a sentence that names the setting', async () => {
  const { port } = await served()
  await expect(served({ port })).rejects.toThrow(
    `metrics cannot be served on 127.0.0.1:${port}: another program has this port: choose another one as observe.port`,
  )
})

test('an address that this machine does not have is refused with the setting to change', async () => {
  await expect(served({ host: '192.0.2.1' })).rejects.toThrow(/change observe\.host$/)
})

test('closing waits for nobody who has not finished asking', async () => {
  const server = await served()
  const socket = connect(server.port, host)
  const closed = new Promise((resolve) => socket.on('close', resolve))
  socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\nGET /met')
  await new Promise((resolve) => socket.once('data', resolve))
  const began = Date.now()
  await Promise.all([server.close(), closed])
  expect(Date.now() - began).toBeLessThan(1000)
  open.length = 0
})
