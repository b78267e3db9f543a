/** Servers that do as they are told, and a fleet of them on a clock that the test moves. */
import { vi } from 'vitest'
import { openFleet } from '../../../adapters/vllm/fleet.ts'
import type { Address, Fleet, FleetOptions } from '../../../adapters/vllm/members.ts'
import type { Load } from '../../../adapters/vllm/server.ts'
import { unobserved, type Logger, type Meter } from '../../../runtime/observe.ts'

export const forever = () => new Promise<never>(() => {})
export const never = new AbortController().signal

export interface Fake {
  readonly key: string
  health: () => Promise<void>
  probe: () => Promise<void>
  load: () => Promise<Load | undefined>
  closed: boolean
  /** Questions so far. */
  readonly asked: { health: number; probe: number }
  close(): Promise<void>
}

const fake = (key: string): Fake => ({
  key,
  health: async () => {},
  probe: async () => {},
  load: async () => undefined,
  closed: false,
  asked: { health: 0, probe: 0 },
  async close() {
    this.closed = true
  },
})

/** What was logged and counted. */
export const listening = () => {
  const said: string[] = []
  const counts = new Map<string, number>()
  const watched = new Map<string, () => unknown>()
  const say =
    (level: string): Logger['info'] =>
    ({ endpoint, reason }, message) =>
      void said.push([level, message, endpoint, reason].filter((each) => typeof each === 'string').join('; '))
  const nameOf = (name: string, labels: object) => [name, ...Object.values<unknown>({ ...labels })].join(' ')
  const meter: Meter = {
    count: (name, value, labels) => {
      const key = nameOf(name, labels)
      counts.set(key, (counts.get(key) ?? 0) + value)
    },
    observe: () => {},
    watch(name, read, labels) {
      const key = nameOf(name, labels)
      watched.set(key, read)
      return () => void (watched.get(key) === read && watched.delete(key))
    },
  }
  const logger = { ...unobserved.logger, info: say('info'), warn: say('warn') }
  return { said, counts, watched, observe: { ...unobserved, logger, meter } }
}

/** Servers at a:1, b:1, … ; `prepare` is done to each before it is asked for the first time. */
export const fakes = (keys: string, prepare: (server: Fake) => void = () => {}) => {
  const all = new Map<string, Fake>()
  const heard = listening()
  const options: FleetOptions<Fake> = {
    source: { kind: 'list', urls: [...keys].map((key) => `http://${key}:1`) },
    open({ key }: Address) {
      const server = fake(key)
      prepare(server)
      all.set(key, server)
      return server
    },
    health: (server) => (server.asked.health++, server.health()),
    probe: (server) => (server.asked.probe++, server.probe()),
    load: (server) => server.load(),
    timeout: 60_000,
    observe: heard.observe,
    random: () => 1,
  }
  return {
    ...heard,
    options,
    server: (name: string) => all.get(`${name}:1`)!,
    open(changes: Partial<FleetOptions<Fake>> = {}) {
      const opening = openFleet({ ...options, ...changes })
      opening.catch(() => {})
      const opened = pass(0).then(() => opening)
      opened.catch(() => {}) // a test may look at it later
      return opened
    },
  }
}

/** Lets time pass, and everything happen that happens meanwhile. */
export const pass = async (ms: number) => void (await vi.advanceTimersByTimeAsync(ms))

/** A call whose end the test decides; it has begun, if it may. */
export const held = async (
  fleet: Fleet<Fake>,
  key: string,
  hint = { avoid: [] as string[], alone: false },
  signal = never,
) => {
  const end = Promise.withResolvers<string>()
  const call = { server: undefined as string | undefined, aborted: false, outcome: undefined as unknown }
  const work = async (server: Fake, s: AbortSignal) => {
    call.server = server.key
    s.addEventListener('abort', () => (call.aborted = true))
    return end.promise
  }
  const done = fleet.call(key, work, signal, hint).then(
    (value) => (call.outcome = value),
    (error: unknown) => (call.outcome = error),
  )
  const finish = async () => {
    end.resolve('done')
    await done
  }
  const fail = async (error: Error) => {
    end.reject(error)
    await done
  }
  await pass(0)
  return Object.assign(call, { finish, fail, done })
}

export const stateOf = (fleet: Fleet<Fake>): Record<string, string> =>
  Object.fromEntries(fleet.members().map(({ key, state }) => [key.split(':')[0] ?? '', state]))
