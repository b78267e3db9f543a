/**
 * Texts to vectors on servers of /v1/embeddings. Concurrent calls share requests; a text that a server refuses is found
 * among those that it came with, and refused alone.
 */
import type { Embedder } from '../../method/ports.ts'
import { Rejected, sentence, Unavailable } from '../../runtime/errors.ts'
import { unobserved, type Logger } from '../../runtime/observe.ts'
import { pause, toError, within } from '../../runtime/wait.ts'
import { batchesOf, type Waiting } from '../onnx/batches.ts'
import { gather, type Run } from '../onnx/gather.ts'
import { addressOf } from '../vllm/addresses.ts'
import { probe, type Ability, type ServedUsage } from './probe.ts'
import { openEmbeddingServer, type EmbeddingServer } from './server.ts'
import { stationsOf, stillTakes, type Stations } from './stations.ts'

export interface ServedEmbedderOptions {
  /** With or without `/v1`; all serve the same model. */
  readonly urls: readonly string[]
  /** Name under which it is served; undefined: the only one that is. */
  readonly model?: string | undefined
  readonly usage?: ServedUsage
  readonly apiKey?: string | undefined
  /** File with the certificates to trust (PEM). */
  readonly ca?: string | undefined
  /** Texts in one request, at most. */
  readonly texts?: number
  /** Characters in one request, at most; a longer text goes alone. */
  readonly characters?: number
  /** Requests under way at each server. */
  readonly concurrency?: number
  /** Milliseconds of one request. */
  readonly timeout?: number
  /** Milliseconds that servers are waited for at the start. */
  readonly patience?: number
  readonly logger?: Logger | undefined
  /** Ends the waiting at the start. */
  readonly signal?: AbortSignal | undefined
}

/** How long a lone text waits for company, in milliseconds. */
const gathering = 2
const never = new AbortController().signal

/** Servers are asked again until one answers. @throws the last Unavailable when patience is over; Fatal at once */
const opened = async (stations: Stations, patience: number, signal: AbortSignal): Promise<Ability> => {
  const end = performance.now() + patience
  for (;;) {
    try {
      return await unlessStopped(signal, stations.open())
    } catch (error) {
      if (!(error instanceof Unavailable) || performance.now() > end) throw error
    }
    await pause(500, signal)
  }
}

/** What somebody else goes on waiting for, until the signal aborts. */
const unlessStopped = <T>(signal: AbortSignal, work: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const stop = () => reject(toError(signal.reason))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })

const normalise = (vector: Float32Array): Float32Array => {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  return length === 0 ? vector : vector.map((value) => value / length)
}

/** Halves what is refused until the texts that are at fault stand alone. */
const sorted = async (
  server: EmbeddingServer,
  ability: Ability,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<(Float32Array | Rejected)[]> => {
  const { identity, manner } = ability
  try {
    const { vectors } = await server.embed({ model: identity.model, texts, manner }, signal, identity.dimension)
    return identity.normalised ? vectors.map(normalise) : [...vectors]
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    if (texts.length === 1) {
      await stillTakes(server, ability, signal)
      return [
        new Rejected(`a text of ${texts[0]!.length} characters was refused: ${sentence(error)}`, { cause: error }),
      ]
    }
    const half = texts.length >> 1
    const first = await sorted(server, ability, texts.slice(0, half), signal)
    return [...first, ...(await sorted(server, ability, texts.slice(half), signal))]
  }
}

/** @throws Fatal when a server will not do, with a sentence that says what to change; Unavailable when none answers. */
export const openServedEmbedder = async (options: ServedEmbedderOptions): Promise<Embedder> => {
  const { urls, model, usage = {}, apiKey, ca, texts = 64, characters = 200_000, concurrency = 4 } = options
  const { timeout = 120_000, patience = 30_000, logger = unobserved.logger, signal: opening = never } = options
  const connections = concurrency + 1
  const servers = urls.map((url) => openEmbeddingServer({ address: addressOf(url), apiKey, ca, connections }))
  const name = urls.length === 1 ? servers[0]!.name : `${urls.length} servers of embeddings`
  const over = new AbortController()
  const closed = () => new Unavailable(`the encoder at ${name} is closed`, { endpoint: name })
  const limited = <T>(signal: AbortSignal, server: string, work: (signal: AbortSignal) => Promise<T>) =>
    within(
      timeout,
      signal,
      work,
      () =>
        new Unavailable(`${server} did not answer within ${timeout / 1000} s`, { endpoint: server, inFlight: true }),
    )
  const examine = async (server: EmbeddingServer) => {
    const ability = await limited(over.signal, server.name, (signal) => probe(server, model, usage, signal))
    for (const sentence of ability.lacking) logger.warn({ endpoint: server.name }, sentence)
    return ability
  }
  const stations = stationsOf({ servers, examine })
  const run: Run<Waiting, Float32Array> = (some, signal) => {
    const all = some.map(({ text }) => text)
    return limited(AbortSignal.any([signal, over.signal]), name, (s) =>
      stations.using(s, (server, ability) => sorted(server, ability, all, s)),
    )
  }
  const close = async () => {
    over.abort(closed())
    await Promise.all(servers.map((server) => server.close()))
  }
  const { identity } = await opened(stations, patience, opening).catch(async (error: unknown) => {
    await close()
    throw error
  })
  const lanes = Array.from({ length: concurrency * servers.length }, () => run)
  const gathered = gather({ lanes, take: batchesOf({ texts, characters }), gathering, closed })
  const prefix = { query: usage.query_prefix ?? '', passage: usage.passage_prefix ?? '' }
  return {
    identity,
    embed: (some, as, signal) =>
      Promise.all(some.map((text) => gathered.ask(as === 'query', { text: prefix[as] + text }, signal))),
    close: async () => {
      gathered.close()
      await close()
    },
  }
}
