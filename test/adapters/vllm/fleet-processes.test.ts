/** The fleet beside servers that are processes of their own: killed, stopped, overloaded, started anew. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { openFleet } from '../../../adapters/vllm/fleet.ts'
import type { Address, Fleet, FleetOptions, Source } from '../../../adapters/vllm/members.ts'
import { tried, type World } from '../../../runtime/attempts.ts'
import { Fatal, sentence, Unavailable } from '../../../runtime/errors.ts'

/** Answers /work after some milliseconds; dies of the work `kill`, never answers `hang`, counts what it is asked. */
const program = `
const [port, plugin] = process.argv.slice(1)
let busyUntil = 0
const asked = { health: 0, probe: 0, work: 0 }
require('node:http').createServer((request, response) => {
  const [path, what] = request.url.slice(1).split('/')
  if (path in asked) asked[path]++
  const answer = (status, body = '') => response.writeHead(status).end(body)
  if (path === 'busy') return (busyUntil = Date.now() + Number(what)), answer(200)
  if (path === 'asked') return answer(200, JSON.stringify(asked))
  if (path === 'health') return answer(200)
  if (Date.now() < busyUntil) return answer(503)
  if (path === 'probe') return answer(plugin === 'none' ? 404 : 200)
  if (what === 'kill') process.kill(process.pid, 'SIGKILL')
  if (what !== 'hang') setTimeout(() => answer(200, what), 15)
}).listen(Number(port), '127.0.0.1', () => console.log('listening'))
`

const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** @param again started again whenever it has died, as an orchestrator does */
const server = async (again = false) => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let child: ChildProcess
  let [deaths, over] = [0, false]
  const start = async (plugin = 'some') => {
    const own = spawn(process.execPath, ['-e', program, String(port), plugin], { stdio: ['ignore', 'pipe', 'ignore'] })
    child = own
    own.once('exit', () => {
      deaths++
      if (again && !over) void start()
    })
    await Promise.race([once(own.stdout, 'data'), once(own, 'exit')])
  }
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await start()
  ending.push(async () => {
    over = true
    await kill()
  })
  return {
    url,
    key: `127.0.0.1:${port}`,
    ...{ start, kill },
    stop: () => child.kill('SIGSTOP'),
    go: () => child.kill('SIGCONT'),
    deaths: () => deaths,
    tell: async (path: string) => (await fetch(`${url}/${path}`)).text(),
  }
}

/** A client as small as it can be. */
const client = ({ key, url }: Address) => ({
  key,
  async close() {},
  async ask(path: string, signal: AbortSignal) {
    const response = await fetch(`${url}/${path}`, { signal }).catch((error: unknown) => {
      const cause = (error as Error).cause as NodeJS.ErrnoException | undefined
      throw new Unavailable(sentence(cause ?? error), { endpoint: url, inFlight: cause?.code !== 'ECONNREFUSED' })
    })
    if (response.status === 404) throw new Fatal('it has no plugin')
    if (!response.ok) throw new Unavailable(`it said ${response.status}`, { endpoint: url })
    return response.text()
  },
})
type Client = ReturnType<typeof client>

const times = { health: 100, healthLimit: 400, misses: 3, probeLimit: 600, refused: 200, load: 100, file: 30 }

const opened = async (servers: readonly { url: string }[], changes: Partial<FleetOptions<Client>> = {}) => {
  const fleet = await openFleet<Client>({
    source: { kind: 'list', urls: servers.map(({ url }) => url) } satisfies Source,
    open: client,
    probe: async (each, signal) => void (await each.ask('probe', signal)),
    health: async (each, signal) => void (await each.ask('health', signal)),
    load: async () => undefined,
    timeout: 1000,
    times: { ...times, retry: { from: 20, to: 200 } },
    breaker: { trips: 5, from: 20, to: 200 },
    ...changes,
  })
  ending.push(() => fleet.close())
  await until('all are ready', () => fleet.members().every(({ state }) => state === 'ready'))
  return fleet
}

const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const until = async (what: string, holds: () => boolean, ms = 5000) => {
  const late = Date.now() + ms
  while (!holds() && Date.now() < late) await soon(10)
  expect(holds(), what).toBe(true)
}
const ready = (fleet: Fleet<Client>) => fleet.members().filter(({ state }) => state === 'ready').length
const never = new AbortController().signal

/** Records as a lane works on them: tried under the failure policy until they are done or given up. */
const records = (fleet: Fleet<Client>) => {
  const retry = { attempts: 3, from: 10, to: 100 }
  const ask = (
    key: string,
    what: string,
    signal: AbortSignal,
    hint = { avoid: [] as readonly string[], alone: false },
  ) => fleet.call(key, (each, s) => each.ask(`work/${what}`, s), signal, hint)
  const world: World = {
    ...{ policy: { timeout: 5000, retry }, endpoints: [fleet.endpoint] },
    canary: async (signal) => void (await ask('canary', 'canary', signal)),
  }
  const errors: Unavailable[] = []
  const one = async (id: string) =>
    tried(
      (signal, hint) => ask(id, id.split('-')[0]!, signal, hint),
      world,
      never,
      (error) => error instanceof Unavailable && errors.push(error),
    )
  return { one, errors, all: (ids: readonly string[]) => Promise.all(ids.map(one)) }
}
const named = (count: number) => Array.from({ length: count }, (_, at) => `${at}`)
const done = (ids: readonly string[]) => ids.map((id) => expect.objectContaining({ value: id }) as unknown)

describe('under records that are tried until they are done', () => {
  test('a server that is killed and started again costs none, and gets work again after a probe', async () => {
    const [a, b] = await Promise.all([server(), server()])
    const fleet = await opened([a, b])
    const work = records(fleet)
    const ids = named(150)
    const all = work.all(ids)
    await soon(100)
    await a.kill()
    await until('the server is missed', () => ready(fleet) === 1)
    await a.start()
    expect(await all).toEqual(done(ids))
    await until('the server is back', () => ready(fleet) === 2)
    await work.all(named(20))
    expect(JSON.parse(await a.tell('asked'))).toMatchObject({ probe: 1, work: expect.any(Number) as number })
  })

  test('of two servers one that is gone for good is taken over', async () => {
    const [a, b] = await Promise.all([server(), server()])
    const fleet = await opened([a, b])
    const work = records(fleet)
    const ids = named(100)
    const all = work.all(ids)
    await soon(50)
    await a.kill()
    expect(await all).toEqual(done(ids))
    expect(await work.all(named(40))).toEqual(done(named(40)))
    expect(work.errors.filter(({ inFlight }) => inFlight).length).toBeLessThanOrEqual(8)
    expect(ready(fleet)).toBe(1)
  })

  test('a server that is stopped is found by its health, long before a call is late; it goes on when it may', async () => {
    const [a, b] = await Promise.all([server(), server()])
    const fleet = await opened([a, b], { timeout: 60_000 })
    const work = records(fleet)
    const ids = named(100)
    const all = work.all(ids)
    await soon(50)
    a.stop()
    const began = performance.now()
    expect(await all).toEqual(done(ids))
    expect(performance.now() - began).toBeLessThan(15_000)
    expect(work.errors.filter(({ inFlight, endpoint }) => inFlight && endpoint === a.key).length).toBeGreaterThan(0)
    a.go()
    await until('the server is back', () => ready(fleet) === 2)
  })

  test('servers that say 503 for a while are waited for, and no record counts it as a loss', async () => {
    const [a, b] = await Promise.all([server(), server()])
    const fleet = await opened([a, b])
    const work = records(fleet)
    await Promise.all([a, b].map((each) => each.tell('busy/600')))
    const began = performance.now()
    expect(await work.all(named(60))).toEqual(done(named(60)))
    expect(performance.now() - began).toBeGreaterThan(500)
    expect(work.errors.length).toBeGreaterThan(9) // the breakers of both
    expect(work.errors.filter(({ inFlight }) => inFlight)).toEqual([])
    expect(ready(fleet)).toBe(2)
  })

  test('a server that comes back without the plugin is refused, until it comes back with it', async () => {
    const [a, b] = await Promise.all([server(), server()])
    const fleet = await opened([a, b])
    const state = () => fleet.members().find(({ key }) => key === a.key)!
    await a.kill()
    await soon(250) // nobody calls: only its health tells
    await a.start('none')
    await until('the server is refused', () => state().state === 'refused')
    expect(state().reason).toBe('it has no plugin')
    expect(await records(fleet).all(named(30))).toEqual(done(named(30)))
    expect(JSON.parse(await a.tell('asked'))).toMatchObject({ work: 0 })
    await a.kill()
    await a.start()
    await until('the server is back', () => state().state === 'ready')
  })

  test.each(['kill', 'hang'])(
    'one record that makes servers %s is given up alone after four losses',
    async (poison) => {
      const servers = await Promise.all([server(true), server(true)])
      const fleet = await opened(servers, { timeout: 1000 })
      const work = records(fleet)
      const ids = named(80)
      const [poisoned, innocent] = await Promise.all([work.one(`${poison}-x`), work.all(ids)])
      expect(poisoned).toMatchObject({ failure: { kind: 'poison', attempts: 4 } })
      expect(innocent).toEqual(done(ids))
      const deaths = servers.reduce((sum, each) => sum + each.deaths(), 0)
      expect(deaths).toBe(poison === 'kill' ? 4 : 0)
    },
  )
})

test('a file says who serves, and may change', async () => {
  const servers = await Promise.all([server(), server()])
  const [a, b] = servers
  const folder = await mkdtemp(join(tmpdir(), 'fleet-'))
  ending.unshift(() => rm(folder, { recursive: true }))
  const path = join(folder, 'servers')
  await writeFile(path, `${a.url}\n`)
  const fleet = await opened([], { source: { kind: 'file', path } })
  const work = records(fleet)
  const all = work.all(named(100))
  await writeFile(path, `${b.url}\n`)
  await until(
    'the one goes, the other comes',
    () =>
      fleet
        .members()
        .map(({ key }) => key)
        .join() === b.key,
  )
  expect(await all).toEqual(done(named(100)))
  expect(work.errors).toEqual([])
  for (const each of servers) expect(JSON.parse(await each.tell('asked'))).toMatchObject({ probe: 1 })
})
