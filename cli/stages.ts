import { guardedEmbedder, guardedSearch, guardedStore } from '../adapters/guarded.ts'
import { retriever, type Fuse } from '../adapters/retriever.ts'
import { fuse, weigh } from '../method/fusion.ts'
import { distil, evaluate, generate, imagine, index, label, retrieve, select } from '../processors/index.ts'
import { endpoint } from '../runtime/endpoint.ts'
import { bind, type Binding, type Bound } from '../runtime/engine.ts'
import type { Policy } from '../runtime/policy.ts'
import { minutes } from '../runtime/topic.ts'
import type { Config } from './config.ts'
import { targets, type Stores } from './collections.ts'
import { atOnce, type GuardedReader } from './readers.ts'
import { collectionsOfRuns } from './runs.ts'
import { manifest, promptFor } from './settings.ts'
import type { World } from './world.ts'

/** Stages that need the reader LLM, so that nobody loads it for nothing. */
const reading = new Set(['imagine', 'label', 'distil', 'generate'])

/** How a dense and a sparse ranking become one. */
export const fusionOf = ({ retrieve }: Config): Fuse => {
  const { fusion, rank_constant: k, dense_weight: weight } = retrieve
  return fusion === 'ranks'
    ? (dense, sparse, limit) => fuse(dense, sparse, { k, limit })
    : (dense, sparse, limit) => weigh(dense, sparse, { weight, limit })
}

/** The encoder as an endpoint: many texts share a batch, and one that kills it is found alone. */
const encoders = async (world: World) => {
  const opened = await world.embedder()
  const { observe } = world
  const model = endpoint({ name: 'encoder', concurrency: { start: 512, max: 512 }, timeout: minutes(5), observe })
  const embedder = guardedEmbedder(model, opened)
  const canary = async (signal: AbortSignal) => void (await embedder.embed(['water'], 'query', signal))
  return { embedder, calls: { endpoints: [model], canary } }
}

/** The place of the passages as an endpoint: whether it is well is seen without anybody's question or passage. */
const placeOf = ({ observe }: World, { collections }: Stores) => {
  const store = endpoint({ name: 'store', concurrency: { start: 512, max: 512 }, timeout: minutes(5), observe })
  const canary = async (signal: AbortSignal) => void (await collections.find(undefined, signal))
  return { endpoint: store, canary }
}

type Calls = Required<Pick<Binding, 'endpoints' | 'canary'>>

/** A stage that needs both. */
const together = (calls: Calls, place: ReturnType<typeof placeOf>): Calls => ({
  endpoints: [...calls.endpoints, place.endpoint],
  canary: async (signal) => {
    await calls.canary(signal)
    await place.canary(signal)
  },
})

/** A stage that calls the reader: servers are kept busy by one lane, too, where only one has work. */
const calling = (config: Config, { calls }: GuardedReader, { policy: { inFlight } }: { policy: Policy }): Binding =>
  config.reader.engine === 'embedded' ? calls : { ...calls, policy: { inFlight: Math.max(inFlight, atOnce(config)) } }

type Encoders = ReturnType<typeof encoders>
type Maker = (
  world: World,
  reader: () => GuardedReader,
  encoders: () => Encoders,
  signal: AbortSignal,
) => Bound | Promise<Bound>

/** How each stage is put together from the configuration and the adapters. */
const makers: Record<string, Maker> = {
  async index(world, _reader, encoders) {
    const { embedder, calls } = await encoders()
    const stores = await world.stores()
    const place = placeOf(world, stores)
    const belonging = targets(stores, collectionsOfRuns(world))
    const guarded = async (run: string, signal: AbortSignal) =>
      (await belonging(run, signal)).map((store) => guardedStore(place.endpoint, store))
    return bind(index, { embedder, stores: guarded }, together(calls, place))
  },
  imagine({ config }, opened) {
    const { on: imagines, prompt, tokens: maxTokens } = config.imagine
    const { reader } = opened()
    return bind(imagine, { imagines, reader, prompt, maxTokens }, calling(config, opened(), imagine))
  },
  retrieve: async (world, _reader, encoders) => {
    const { k, mode, depth } = world.config.retrieve
    const notAvailable = world.config.imagine.not_available
    const { embedder, calls } = await encoders()
    const stores = await world.stores()
    const place = placeOf(world, stores)
    const store = guardedSearch(place.endpoint, stores.search)
    const found = retriever({ embedder, store, mode, depth, fuse: fusionOf(world.config) })
    return bind(retrieve, { retriever: found, k, notAvailable }, together(calls, place))
  },
  label({ config }, opened) {
    const { alpha, measure, passage_tokens: passageTokens } = config.label
    const { max_golds: maxGolds, exact_golds: exactGolds } = config.label
    const { scorer } = opened()
    const ports = { scorer, alpha, measure, prompt: promptFor(config), passageTokens, maxGolds, exactGolds }
    return bind(label, { ...ports, settings: manifest(config).hash }, calling(config, opened(), label))
  },
  distil({ config }, opened) {
    const { filter, measure, drop_twins: dropTwins } = config.distil
    const { reader } = opened()
    const limits = { passageTokens: config.label.passage_tokens, answerTokens: config.generate.answer_tokens }
    const ports = { reader, filter, measure, dropTwins, prompt: promptFor(config), ...limits }
    return bind(distil, ports, calling(config, opened(), distil))
  },
  select: async ({ choosing, config }, _reader, _encoders, signal) => {
    const { inForce, calls } = await choosing(signal)
    const { keep, abstain } = config.select
    return bind(select, { inForce, keep, abstain }, calls)
  },
  generate({ config, now }, opened) {
    const { passages, answer_tokens: answerTokens } = config.generate
    const { reader } = opened()
    const ports = { reader, passages, prompt: promptFor(config), answerTokens, now }
    const limited = { ...ports, passageTokens: config.label.passage_tokens }
    return bind(generate, limited, calling(config, opened(), generate))
  },
  evaluate: () => bind(evaluate, {}),
}

const never = new AbortController().signal

/** The stages by these names, ready to run, with the models that they need opened. */
export const stagesOf = async (world: World, wanted: readonly string[], signal?: AbortSignal): Promise<Bound[]> => {
  const loaded = wanted.some((name) => reading.has(name)) ? await world.reader(signal) : undefined
  let shared: Encoders | undefined
  const encoding = () => (shared ??= encoders(world))
  const bound: Bound[] = []
  for (const name of wanted) bound.push(await makers[name]!(world, () => loaded!, encoding, signal ?? never))
  return bound
}
