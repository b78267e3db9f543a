/** A reader LLM behind vLLM: one server or a fleet of them, as scorer and reader. */
import type { Reader, Scorer } from '../../method/ports.ts'
import type { Endpoint } from '../../runtime/endpoint.ts'
import { Unavailable } from '../../runtime/errors.ts'
import { unobserved, type Logger, type Observe } from '../../runtime/observe.ts'
import { within } from '../../runtime/wait.ts'
import type { Identity } from '../../schemas/identity.ts'
import { noCache, openScoreCache } from '../reader/cache.ts'
import { openPrompts } from '../reader/prompts.ts'
import { sharedTime } from '../reader/time.ts'
import { agreement, type Agreed } from './agreement.ts'
import { approximate } from './approximate.ts'
import { checkTokens, talking, templateOf } from './chat.ts'
import { openServer } from './client.ts'
import { contrastive } from './contrastive.ts'
import { openFleet } from './fleet.ts'
import type { Address, Member, Source, Times } from './members.ts'
import type { Measure } from './measuring.ts'
import { plain } from './plain.ts'
import { probe, type Capability, type Way } from './probe.ts'
import { questions, type Questions } from './questions.ts'
import { openReader } from './read.ts'
import { openScorer, type Known } from './score.ts'
import { localTexts, servedTexts } from './texts.ts'

export interface VllmOptions {
  readonly source: Source
  /** Served name of the model; without it the only one that is served. */
  readonly model?: string | undefined
  /** Its tokenizer.json or the folder of it; without it the server tokenises. */
  readonly tokenizer?: string | undefined
  readonly apiKey?: string | undefined
  /** File with the certificates to trust (PEM). */
  readonly ca?: string | undefined
  /** Queries at once on each server. */
  readonly concurrency?: { readonly start: number; readonly max: number } | undefined
  /** Milliseconds that one query may take on a server (default 120,000). */
  readonly timeout?: number | undefined
  /** Tokens of a prompt and its answer; without it as many as the server's context holds. */
  readonly contextSize?: number | undefined
  readonly measure?: 'contrastive' | 'plain' | undefined
  /** Contrastive figures without the plugin, from the likeliest tokens. */
  readonly approximate?: boolean | undefined
  /** SQLite file that remembers scores; none without it. */
  readonly scoreCachePath?: string | undefined
  /** Milliseconds to wait for the first server (default 30,000; one that is busy is heard to the end). */
  readonly patience?: number | undefined
  readonly times?: Partial<Times> | undefined
  readonly logger?: Logger | undefined
  readonly observe?: Observe | undefined
  readonly signal?: AbortSignal | undefined
  readonly now?: (() => number) | undefined
}

export interface OpenVllm {
  readonly scorer: Scorer
  readonly reader: Reader
  /** Stands for all servers. */
  readonly endpoint: Endpoint
  readonly contextSize: number
  members(this: void): readonly Member[]
  drain(this: void, key: string): Promise<void>
  /** What is being worked on ends as Unavailable. */
  close(this: void): Promise<void>
}

const usualTimeout = 120_000
const never = new AbortController().signal

/** A server of the fleet; what is known of it, it said at its last probe. */
interface Station extends Known {
  identity: Identity
  close(): Promise<void>
}

const wayOf = ({ measure = 'contrastive', approximate: approximately = false }: VllmOptions): Way =>
  measure === 'plain' ? 'plain' : approximately ? 'approximate' : 'contrastive'

const measureOf = (way: Way, { vocabulary }: Capability): Measure =>
  ({ contrastive, plain, approximate: approximate(vocabulary) })[way]

const unknown: Identity = { model: '', revision: '', dtype: '', server: '', runner: '', plugin: '', prompt: null }

const openStation = (address: Address, options: VllmOptions, left: (station: Station) => void): Station => {
  const { model, apiKey, ca } = options
  const server = openServer({ address, model, apiKey, ca })
  const station: Station = {
    ...{ server, identity: unknown, timed: sharedTime() },
    close: async () => {
      left(station)
      await server.close()
    },
  }
  return station
}

/** Servers that have passed their probe. */
const passed = () => {
  const stations = new Set<Station>()
  return {
    joined: (station: Station) => void stations.add(station),
    left: (station: Station) => void stations.delete(station),
    servers: () => Array.from(stations, ({ server }) => server),
  }
}

const fleetOf = async (options: VllmOptions, way: Way) => {
  const { source, concurrency, timeout = usualTimeout, patience, times, observe, signal, contextSize } = options
  const agreed = agreement(contextSize)
  const ready = passed()
  const fleet = await openFleet<Station>({
    ...{ source, concurrency, timeout, patience, observe, signal },
    // An API server on a busy machine answers late, and is no less there.
    times: { healthLimit: 5000, ...times },
    open: (address) => openStation(address, options, ready.left),
    probe: async (station, s) => {
      ready.left(station)
      const capability = await probe(station.server, way, s)
      agreed.join(station.server.name, capability)
      station.identity = capability.identity
      ready.joined(station)
    },
    health: ({ server }, s) => server.health(s),
    load: ({ server }, s) => server.load(s),
  })
  return { fleet, agreed, small: questions({ servers: ready.servers, fleet }) }
}

/**
 * @throws Fatal when no server can do what is asked (each is named, with what to change) or the tokenizer is another
 * model's; Unavailable when none answers.
 */
export const openVllm = async (options: VllmOptions): Promise<OpenVllm> => {
  const way = wayOf(options)
  const { fleet, agreed, small } = await fleetOf(options, way)
  try {
    const { timeout = usualTimeout, signal = never } = options
    const late = () => new Unavailable(`no vLLM server said within ${timeout / 1000} s how it writes a prompt`)
    return await within(timeout, signal, (s) => assemble(options, way, fleet, agreed.what(), small, s), late)
  } catch (error) {
    await fleet.close()
    throw error
  }
}

type OpenFleet = Awaited<ReturnType<typeof fleetOf>>['fleet']

/** Texts, prompts, scorer and reader on a fleet that has a server. */
const assemble = async (
  options: VllmOptions,
  way: Way,
  fleet: OpenFleet,
  agreed: Agreed,
  small: Questions,
  signal: AbortSignal,
) => {
  const { now = Date.now, tokenizer } = options
  const { identity, contextSize } = agreed
  const server = small.some()
  const pieces = await templateOf(server, signal, now())
  const texts = tokenizer === undefined ? servedTexts(small) : localTexts(tokenizer)
  const [begin] = await server.tokenize('', true, signal)
  const talk = talking(texts, pieces, begin)
  if (tokenizer !== undefined) await checkTokens(talk, texts, server, signal)
  const prompts = openPrompts(talk.chat, talk.tokenizer, contextSize, { lastTakesPlace: true })
  const cache = cacheOf(options, way)
  const close = async () => {
    await fleet.close()
    cache.close()
  }
  const parts = { identity, prompts, fleet }
  return {
    scorer: openScorer({
      ...{ ...parts, cache, exact: way !== 'approximate' },
      ...{ measure: measureOf(way, agreed), vocabulary: agreed.vocabulary },
    }),
    reader: openReader(parts),
    endpoint: fleet.endpoint,
    contextSize,
    members: () => fleet.members(),
    drain: (key: string) => fleet.drain(key),
    close,
  }
}

/** Figures of another way are other figures. */
const cacheOf = ({ scoreCachePath, logger = unobserved.logger }: VllmOptions, way: Way) =>
  scoreCachePath === undefined ? noCache : openScoreCache(scoreCachePath, way, { logger })
