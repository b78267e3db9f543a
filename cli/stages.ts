import { guardedReader, guardedScorer } from '../adapters/guarded.ts'
import { distil, evaluate, generate, imagine, index, label, retrieve, select } from '../processors/index.ts'
import { endpoint } from '../runtime/endpoint.ts'
import { bind, type Bound } from '../runtime/engine.ts'
import { minutes } from '../runtime/topic.ts'
import { manifest, promptFor } from './settings.ts'
import type { World } from './world.ts'

/** Stages that need the reader LLM, so that nobody loads it for nothing. */
const reading = new Set(['imagine', 'label', 'distil', 'generate'])

/** The model in process as an endpoint: calls queue for its slots; a call that hangs for long is given up. */
const readers = async (world: World) => {
  const { scorer, reader } = await world.llama()
  const slots = world.config.reader.sequences * 2
  const model = endpoint({ name: 'reader', concurrency: { start: slots, max: slots }, timeout: minutes(30) })
  return { scorer: guardedScorer(model, scorer), reader: guardedReader(model, reader), endpoints: [model] }
}

type Readers = Awaited<ReturnType<typeof readers>>

/** How each stage is put together from the configuration and the adapters. */
const makers: Record<string, (world: World, readers: () => Readers) => Bound | Promise<Bound>> = {
  index: async (world) => bind(index, { embedder: await world.embedder(), store: await world.store() }),
  imagine({ config }, readers) {
    const { on: imagines, prompt, tokens: maxTokens } = config.imagine
    const { reader, endpoints } = readers()
    return bind(imagine, { imagines, reader, prompt, maxTokens }, { endpoints })
  },
  retrieve: async (world) => {
    const { k } = world.config.retrieve
    const notAvailable = world.config.imagine.not_available
    return bind(retrieve, { retriever: await world.retriever(), k, notAvailable })
  },
  label({ config }, readers) {
    const { alpha, passage_tokens: passageTokens, max_golds: maxGolds, exact_golds: exactGolds } = config.label
    const { scorer, endpoints } = readers()
    const ports = { scorer, alpha, prompt: promptFor(config), passageTokens, maxGolds, exactGolds }
    return bind(label, { ...ports, settings: manifest(config).hash }, { endpoints })
  },
  distil({ config }, readers) {
    const { filter, measure, drop_twins: dropTwins } = config.distil
    const { reader, endpoints } = readers()
    const limits = { passageTokens: config.label.passage_tokens, answerTokens: config.generate.answer_tokens }
    return bind(distil, { reader, filter, measure, dropTwins, prompt: promptFor(config), ...limits }, { endpoints })
  },
  select: ({ selector, config }) => bind(select, { selector, keep: config.select.keep }),
  generate({ config, now }, readers) {
    const { passages, answer_tokens: answerTokens } = config.generate
    const { reader, endpoints } = readers()
    const ports = { reader, passages, prompt: promptFor(config), answerTokens, now }
    return bind(generate, { ...ports, passageTokens: config.label.passage_tokens }, { endpoints })
  },
  evaluate: () => bind(evaluate, {}),
}

/** The stages by these names, ready to run, with the models that they need opened. */
export const stagesOf = async (world: World, wanted: readonly string[]): Promise<Bound[]> => {
  const loaded = wanted.some((name) => reading.has(name)) ? await readers(world) : undefined
  const bound: Bound[] = []
  for (const name of wanted) bound.push(await makers[name]!(world, () => loaded!))
  return bound
}
