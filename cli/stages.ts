import { guardedEmbedder, guardedReader, guardedScorer } from '../adapters/guarded.ts'
import { retriever } from '../adapters/retriever.ts'
import { distil, evaluate, generate, imagine, index, label, retrieve, select } from '../processors/index.ts'
import type { Scorer } from '../method/ports.ts'
import { endpoint } from '../runtime/endpoint.ts'
import { bind, type Bound } from '../runtime/engine.ts'
import type { Logger } from '../runtime/observe.ts'
import { minutes } from '../runtime/topic.ts'
import { manifest, promptFor } from './settings.ts'
import type { World } from './world.ts'

/** Stages that need the reader LLM, so that nobody loads it for nothing. */
const reading = new Set(['imagine', 'label', 'distil', 'generate'])

/** Says in the debug log what is computed and what a cache answered, so that work done twice can be counted. */
const noted = (scorer: Scorer, logger: Logger): Scorer => ({
  ...scorer,
  async score(request, signal, hint) {
    const { question, passages, answers } = request
    const about = { stage: 'label', question, passages: passages.length, golds: answers.length }
    logger.debug(about, 'computing gains')
    const scores = await scorer.score(request, signal, hint)
    const { prompt_tokens, cache_hits } = scores.usage
    logger.debug({ ...about, prompt_tokens, cache_hits }, 'gains computed')
    return scores
  },
})

/** The model in process as an endpoint: calls queue for its slots; a call that hangs for long is given up. */
const readers = async (world: World) => {
  const { scorer, reader } = await world.llama()
  const slots = world.config.reader.sequences * 2
  const { observe } = world
  const model = endpoint({ name: 'reader', concurrency: { start: slots, max: slots }, timeout: minutes(30), observe })
  const watched = noted(scorer, observe.logger)
  const guarded = guardedReader(model, reader)
  const harmless = { question: 'Is water wet?', passages: [], template: promptFor(world.config)(''), maxTokens: 1 }
  const canary = async (signal: AbortSignal) => void (await guarded.answer({ ...harmless, passageTokens: 1 }, signal))
  return { scorer: guardedScorer(model, watched), reader: guarded, calls: { endpoints: [model], canary } }
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

type Readers = Awaited<ReturnType<typeof readers>>
type Encoders = ReturnType<typeof encoders>
type Maker = (world: World, readers: () => Readers, encoders: () => Encoders) => Bound | Promise<Bound>

/** How each stage is put together from the configuration and the adapters. */
const makers: Record<string, Maker> = {
  async index(world, _readers, encoders) {
    const { embedder, calls } = await encoders()
    return bind(index, { embedder, store: await world.store() }, calls)
  },
  imagine({ config }, readers) {
    const { on: imagines, prompt, tokens: maxTokens } = config.imagine
    const { reader, calls } = readers()
    return bind(imagine, { imagines, reader, prompt, maxTokens }, calls)
  },
  retrieve: async (world, _readers, encoders) => {
    const { k } = world.config.retrieve
    const notAvailable = world.config.imagine.not_available
    const { embedder, calls } = await encoders()
    const found = retriever({ embedder, store: await world.store(), mode: world.config.retrieve.mode })
    return bind(retrieve, { retriever: found, k, notAvailable }, calls)
  },
  label({ config }, readers) {
    const { alpha, measure, passage_tokens: passageTokens } = config.label
    const { max_golds: maxGolds, exact_golds: exactGolds } = config.label
    const { scorer, calls } = readers()
    const ports = { scorer, alpha, measure, prompt: promptFor(config), passageTokens, maxGolds, exactGolds }
    return bind(label, { ...ports, settings: manifest(config).hash }, calls)
  },
  distil({ config }, readers) {
    const { filter, measure, drop_twins: dropTwins } = config.distil
    const { reader, calls } = readers()
    const limits = { passageTokens: config.label.passage_tokens, answerTokens: config.generate.answer_tokens }
    return bind(distil, { reader, filter, measure, dropTwins, prompt: promptFor(config), ...limits }, calls)
  },
  select: ({ selector, config }) => bind(select, { selector, keep: config.select.keep }),
  generate({ config, now }, readers) {
    const { passages, answer_tokens: answerTokens } = config.generate
    const { reader, calls } = readers()
    const ports = { reader, passages, prompt: promptFor(config), answerTokens, now }
    return bind(generate, { ...ports, passageTokens: config.label.passage_tokens }, calls)
  },
  evaluate: () => bind(evaluate, {}),
}

/** The stages by these names, ready to run, with the models that they need opened. */
export const stagesOf = async (world: World, wanted: readonly string[]): Promise<Bound[]> => {
  const loaded = wanted.some((name) => reading.has(name)) ? await readers(world) : undefined
  let shared: Encoders | undefined
  const encoding = () => (shared ??= encoders(world))
  const bound: Bound[] = []
  for (const name of wanted) bound.push(await makers[name]!(world, () => loaded!, encoding))
  return bound
}
