/** Where a fault strikes: servers, a log full of queries, one worker, and the moments of the blows. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Source, Times } from '../../../adapters/vllm/members.ts'
import { enter, type Item } from '../../../runtime/source.ts'
import { specOf } from '../../../runtime/engine.ts'
import { pause } from '../../../runtime/wait.ts'
import { candidates, gains, rejects, totals } from '../../../topics/index.ts'
import type { SimulatedOptions, SimulatedServer } from '../../vllm/fleet.ts'
import { counted } from './audit.ts'
import { candidatesOf } from './queries.ts'
import { openWorld, type Place } from './world.ts'
import { worker } from './workers.ts'

/** A server that can be struck, whatever stands behind it. */
export type Target = SimulatedServer

/** Where servers come from, and what suits their pace. */
export interface Supply {
  readonly kind: 'simulated' | 'real'
  /**
   * So many, with these ways to go wrong; of a real one these may be several addresses of one process. `direct`: it is
   * killed and stopped, and nothing stands between.
   */
  open(count: number, options?: SimulatedOptions, direct?: boolean): Promise<Target[]>
  /** One that knows nothing of the plugin. */
  stranger(): Promise<Target>
  /** Milliseconds that a call may take on a server, and that it may take to come back. */
  readonly timeout: number
  readonly comeback: number
  readonly passageTokens: number
  /** Tokens that stand for a word in a prompt. */
  spelt(word: string): Promise<readonly number[]>
}

/** How long and how hard. */
export interface Measure {
  readonly queries: number
  readonly seed: number
  /** Pauses and time limits of the adapter are shorter, so that the short form is short. */
  readonly short: boolean
  readonly folder: string
  readonly place: Place
  readonly supply: Supply
  say(this: void, text: string): void
}

export interface GroundOptions {
  /** Names topics: short, and its own for each trial. */
  readonly prefix: string
  /** How many (default 2). */
  readonly servers?: number
  /** It is the server's process that is struck. */
  readonly direct?: boolean
  readonly options?: SimulatedOptions
  /** The number of the query that is poison. */
  readonly poison?: number | undefined
  /** Calls wait for answers that never come: a third of the time is enough. */
  readonly impatient?: boolean
  /** Addresses stand in a file that is watched. */
  readonly watched?: boolean
}

/** A fault from its begin to its end, and the share of the full rate that can be had afterwards. */
export interface Blow {
  readonly began: number
  readonly over: number
  readonly share: number
}

const never = new AbortController().signal
const partitions = 4
const concurrency = { start: 2, max: 8 }

/** A fleet that looks more often, for the short form: the same rules in less time. */
const quick: Partial<Times> = {
  ...{ health: 1_000, healthLimit: 2_000, retry: { from: 100, to: 1_000 }, refused: 2_000, load: 500, file: 250 },
}

const addressFile = (folder: string) => {
  const path = join(folder, 'servers.txt')
  return { path, name: (urls: readonly string[]) => writeFileSync(path, `# servers\n${urls.join('\n')}\n`) }
}

/** Enters all queries, once, before anybody works. */
const filled = async (world: Awaited<ReturnType<typeof openWorld>>, { queries, seed }: Measure, poison?: number) => {
  const { log, named, codec } = world
  await codec.prepare([candidates, gains])
  await log.apply([candidates, gains, totals, rejects].map((topic) => specOf(named, topic, partitions)))
  const ids: string[] = []
  const items = function* (from: number): Generator<Item> {
    for (let number = 0; number < queries; number++) {
      const value = candidatesOf(number, seed, number === poison)
      ids.push(value.query.id)
      const partition = number % partitions
      if (number >= from) yield { message: candidates.message(value), position: number + 1, partition }
    }
  }
  await enter(
    { log, codec, names: named, partitions, name: 'fill', origin: 'fill', now: Date.now, signal: never },
    items,
  )
  return ids
}

export const ground = async (measure: Measure, options: GroundOptions) => {
  const { supply, folder, place, queries, short } = measure
  const { prefix, servers: count = 2 } = options
  const servers = await supply.open(count, options.options, options.direct)
  const world = await openWorld(place, prefix)
  const ids = await filled(world, measure, options.poison)
  const file = addressFile(folder)
  file.name(servers.map(({ url }) => url))
  const urls = servers.map(({ url }) => url)
  const source: Source = options.watched ? { kind: 'file', path: file.path } : { kind: 'list', urls }
  const times = short ? { times: quick } : {}
  const own = worker({
    ...{ place, prefix, partitions, passageTokens: supply.passageTokens },
    inFlight: Math.ceil((concurrency.max * Math.max(2, count)) / partitions) + 2,
    vllm: { source, concurrency, timeout: supply.timeout / (options.impatient ? 3 : 1), patience: 120_000, ...times },
  })
  const blows: Blow[] = []
  const settled = () => own.reports.at(-1)?.settled ?? 0

  /** Until so many queries are done with. @throws Error when nothing moves for long, or the worker has ended */
  const reached = async (part: number) => {
    let [most, since] = [-1, Date.now()]
    while (settled() < part * queries) {
      if (settled() > most) [most, since] = [settled(), Date.now()]
      if (own.sentence !== undefined) throw new Error(`the worker ended: ${own.sentence}`)
      if (Date.now() - since > 120_000 + supply.comeback)
        throw new Error(`nothing has moved for long at ${most} of ${queries}`)
      await pause(50)
    }
  }
  return {
    ...{ measure, servers, ids, supply, worker: own, reached, blows, file },
    /** Strikes; the fault is over when `strike` has come to its end. */
    async blow(this: void, strike: () => Promise<void>, share = 1) {
      const began = Date.now()
      await strike()
      blows.push({ began, over: Date.now(), share })
    },
    audit: (rejected: readonly string[]) => counted(world, ids, rejected),
    async leave() {
      await own.dismiss()
      await Promise.all(servers.map((server) => server.kill()))
      await world.log.close()
    },
  }
}
export type Ground = Awaited<ReturnType<typeof ground>>
