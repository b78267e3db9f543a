import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { openServer } from '../../../adapters/vllm/client.ts'
import { Distrusted } from '../../../adapters/vllm/failures.ts'
import type { Server } from '../../../adapters/vllm/server.ts'
import { Fatal, Rejected, Unavailable } from '../../../runtime/errors.ts'

const never = new AbortController().signal
const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** An HTTP server that answers as told, and the adapter's view of it. */
const serving = async (answer: RequestListener, options: { apiKey?: string } = {}): Promise<Server> => {
  const http = createServer(answer)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  const server = openServer({
    address: { key: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}` },
    model: 'm',
    ...options,
  })
  closers.push(async () => {
    http.closeAllConnections()
    http.close()
    await server.close()
  })
  return server
}
const json =
  (status: number, body: unknown): RequestListener =>
  (_, response) => {
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(typeof body === 'string' ? body : JSON.stringify(body))
  }
/** Where nobody listens any more. */
const freePort = async (): Promise<number> => {
  const http = createServer()
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  await new Promise((resolve) => http.close(resolve))
  return port
}
const asked = { prompts: [[1, 2]], maxTokens: 1, wanted: [0] }
const failure = async (server: Server, signal = never) => server.complete(asked, signal).then(() => undefined, (error: unknown) => error) // prettier-ignore
const wellFormed = {
  choices: [
    {
      index: 0,
      text: '',
      finish_reason: 'length',
      logprobs: { tokens: ['token_id:0'], top_logprobs: [{ 'token_id:0': -1 }] },
    },
  ],
  usage: { prompt_tokens: 2, completion_tokens: 1 },
}

describe('what a failure of a server is to a record', () => {
  test.each([
    [400, Rejected, undefined],
    [413, Rejected, undefined],
    [429, Unavailable, false],
    [500, Unavailable, true],
    [503, Unavailable, false],
    [504, Unavailable, false],
    [401, Distrusted, false],
    [404, Distrusted, false],
  ])('%i', async (status, kind, inFlight) => {
    const error = await failure(await serving(json(status, { error: { message: 'it said so', code: status } })))
    expect(error).toBeInstanceOf(kind)
    expect((error as Error).message).toMatch(/^127\.0\.0\.1:\d+ answered \d+: it said so$/)
    if (inFlight !== undefined) expect((error as Unavailable).inFlight).toBe(inFlight)
  })

  test('what is no JSON, or not what vLLM answers, is not believed', async () => {
    for (const body of [
      '{"choices": [',
      '[]',
      { choices: [], usage: { prompt_tokens: 1 } },
      { ...wellFormed, choices: [{ ...wellFormed.choices[0], logprobs: { tokens: [' Paris'] } }] },
    ]) {
      const error = await failure(await serving(json(200, body)))
      expect(error).toBeInstanceOf(Distrusted)
      expect((error as Distrusted).inFlight).toBe(false)
    }
  })

  test('a connection that breaks while the answer comes was with the server; one that never stood was not', async () => {
    const breaking = await serving((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{"choices"')
      setTimeout(() => response.destroy(), 20)
    })
    expect(await failure(breaking)).toMatchObject({ name: 'Unavailable', inFlight: true })
    const nobody = openServer({ address: { key: 'nobody', url: `http://127.0.0.1:${await freePort()}` }, model: 'm' })
    closers.push(() => nobody.close())
    expect(await failure(nobody)).toMatchObject({ name: 'Unavailable', inFlight: false, endpoint: 'nobody' })
  })

  test('aborting ends the request at the server, with the reason of the signal', async () => {
    let gone = false
    const slow = await serving((_, response) => response.on('close', () => (gone = true)))
    const abort = new AbortController()
    const reason = new Error('enough')
    setTimeout(() => abort.abort(reason), 50)
    expect(await failure(slow, abort.signal)).toBe(reason)
    await expect.poll(() => gone).toBe(true)
  })

  test('the key goes to the server and into no error', async () => {
    let sent: string | undefined
    const server = await serving(
      (request, response) => {
        sent = request.headers.authorization
        json(401, { error: { message: 'no' } })(request, response)
      },
      { apiKey: 'sesame-7' },
    )
    const error = (await failure(server)) as Error
    expect(sent).toBe('Bearer sesame-7')
    expect(JSON.stringify([error.message, error.stack, String(error.cause)])).not.toContain('sesame-7')
  })

  test('what the environment holds for OpenAI goes to no server of ours', async () => {
    const names = ['OPENAI_ORG_ID', 'OPENAI_PROJECT_ID', 'OPENAI_ADMIN_KEY'] as const
    for (const name of names) vi.stubEnv(name, 'sesame-8')
    let sent = ''
    const server = await serving((request, response) => {
      sent = JSON.stringify(request.rawHeaders)
      json(200, wellFormed)(request, response)
    })
    vi.unstubAllEnvs()
    await server.complete(asked, never)
    expect(sent).toContain('authorization')
    expect(sent).not.toContain('sesame-8')
  })

  test('a text of one token is written greedily, and only rows that are looked at are not', async () => {
    const sent: { temperature?: number }[] = []
    const server = await serving((request, response) => {
      let text = ''
      request.on('data', (part) => (text += String(part)))
      request.on('end', () => {
        sent.push(JSON.parse(text) as { temperature?: number })
        json(200, wellFormed)(request, response)
      })
    })
    await server.complete({ prompts: [[1, 2]], maxTokens: 1 }, never)
    await server.complete(asked, never)
    expect(sent.map(({ temperature }) => temperature)).toEqual([0, 1])
  })

  test('a model that is not served is said with those that are', async () => {
    const server = await serving((request, response) =>
      json(
        200,
        request.url === '/version' ? { version: '0.32.0' } : { data: [{ id: 'a', max_model_len: 9 }, { id: 'b' }] },
      )(request, response),
    )
    await expect(server.served(never)).rejects.toThrow(/does not serve the model m \(it serves a, b\): set vllm.model/)
    await expect(server.served(never)).rejects.toThrow(Fatal)
  })

  test('a server that was started again under another name is asked by that one', async () => {
    let name = 'before'
    const asked: unknown[] = []
    const http = createServer((request, response) => {
      const lists = { data: [{ id: name, max_model_len: 9 }], version: '0.32.0', prompt: '' }
      let text = ''
      request.on('data', (part) => (text += String(part)))
      request.on('end', () => {
        if (text !== '') asked.push((JSON.parse(text) as { model: unknown }).model)
        json(200, lists)(request, response)
      })
    })
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const { port } = http.address() as AddressInfo
    const server = openServer({ address: { key: 'x', url: `http://127.0.0.1:${port}` } })
    closers.push(async () => {
      await server.close()
      http.close()
    })
    await server.detokenize([], never)
    name = 'after'
    await server.served(never)
    await server.detokenize([], never)
    expect(asked).toEqual(['before', 'after'])
  })

  test('connections are used again', async () => {
    let connections = 0
    const http = createServer(json(200, wellFormed)).on('connection', () => connections++)
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const { port } = http.address() as AddressInfo
    const server = openServer({ address: { key: 'x', url: `http://127.0.0.1:${port}` }, model: 'm' })
    closers.push(async () => {
      await server.close()
      http.close()
    })
    for (let i = 0; i < 20; i++) await server.complete(asked, never)
    // The next request may be sent before the one before is put back.
    expect(connections).toBeLessThanOrEqual(2)
  })
})
