/** The reader LLM that a configuration means, behind what protects it: the one place where readers differ. */
import { join } from 'node:path'
import { guardedReader, guardedScorer } from '../adapters/guarded.ts'
import { openLlama } from '../adapters/llama/index.ts'
import { readerModel } from '../adapters/models/reader.ts'
import type { Reader, Scorer } from '../method/ports.ts'
import { endpoint, type Endpoint } from '../runtime/endpoint.ts'
import type { Binding } from '../runtime/engine.ts'
import type { Logger, Observe } from '../runtime/observe.ts'
import { minutes, seconds } from '../runtime/topic.ts'
import { vllmAccess } from './access.ts'
import type { Config } from './config.ts'
import { folder } from './engines.ts'
import { promptFor } from './settings.ts'

export interface OpenReader {
  readonly scorer: Scorer
  readonly reader: Reader
  /** Of servers: their calls are limited already. */
  readonly endpoint?: Endpoint
  close(): Promise<void>
}

export interface Surroundings {
  /** Where downloaded models are kept. */
  readonly home: string
  readonly onProgress: (what: string, done: number, total?: number) => void
  readonly observe: Observe
  /** Ends the waiting for servers that are away. */
  readonly signal?: AbortSignal | undefined
}

type Open = (config: Config, surroundings: Surroundings) => Promise<OpenReader>

const scores = ({ data }: Config) => join(folder(data), 'scores.sqlite')

const readers: Record<Config['reader']['engine'], Open> = {
  async embedded(config, { home, onProgress, observe: { logger } }) {
    const { model, threads, sequences, context: contextSize, gpu } = config.reader
    const modelPath = await readerModel({ path: model, home, onProgress })
    return openLlama({ modelPath, threads, sequences, contextSize, gpu, scoreCachePath: scores(config), logger })
  },
  async vllm(config, { observe, signal }) {
    // Its client is loaded by who has servers, and by nobody else.
    const { openVllm } = await import('../adapters/vllm/index.ts')
    const { model, tokenizer, context, concurrency, timeout } = config.vllm
    const { measure, approximate } = config.label
    return openVllm({
      ...(await vllmAccess(config)),
      ...{ model: model ?? undefined, tokenizer: tokenizer ?? undefined, contextSize: context ?? undefined },
      ...{ concurrency, timeout: seconds(timeout), measure, approximate, scoreCachePath: scores(config) },
      ...{ logger: observe.logger, observe, signal },
    })
  },
}

/** @throws Fatal for a model, a server or a setting that will not do, with the sentence; Unavailable. */
export const openReader: Open = (config, surroundings) => readers[config.reader.engine](config, surroundings)

/** Servers that a configuration may mean; those of a file and of a name come and go, and some are reckoned with. */
const servers = ({ vllm: { file, resolve, urls } }: Config) => (file !== null || resolve ? 4 : urls.length)

/** Queries that keep the reader busy; more only wait. */
export const atOnce = (config: Config): number =>
  config.reader.engine === 'vllm' ? config.vllm.concurrency.max * servers(config) : config.reader.sequences

/** Says in the debug log what is computed and what a cache answered, so that work done twice can be counted. */
const noted = (scorer: Scorer, logger: Logger): Scorer => ({
  ...scorer,
  async score(request, signal, hint) {
    const { question, passages, answers } = request
    const about = { stage: 'label', question, passages: passages.length, golds: answers.length }
    logger.debug(about, 'computing gains')
    const found = await scorer.score(request, signal, hint)
    const { prompt_tokens, cache_hits } = found.usage
    logger.debug({ ...about, prompt_tokens, cache_hits }, 'gains computed')
    return found
  },
})

export interface GuardedReader {
  readonly scorer: Scorer
  readonly reader: Reader
  /** How a stage that calls it is to be bound. */
  readonly calls: Required<Pick<Binding, 'endpoints' | 'canary'>>
}

/** The model in process as an endpoint: calls queue for its slots; a call that hangs for long is given up. */
const inProcess = (
  { scorer, reader }: Omit<OpenReader, 'close'>,
  { reader: { sequences } }: Config,
  observe: Observe,
) => {
  const slots = sequences * 2
  const model = endpoint({ name: 'reader', concurrency: { start: slots, max: slots }, timeout: minutes(30), observe })
  return { scorer: guardedScorer(model, noted(scorer, observe.logger)), reader: guardedReader(model, reader), model }
}

/** Every call through its endpoint; and a request that does no harm, to see whether it is the world that is broken. */
export const guarded = (opened: Omit<OpenReader, 'close'>, config: Config, observe: Observe): GuardedReader => {
  const { scorer, reader, model } = opened.endpoint
    ? { ...opened, scorer: noted(opened.scorer, observe.logger), model: opened.endpoint }
    : inProcess(opened, config, observe)
  const harmless = { question: 'Is water wet?', passages: [], template: promptFor(config)(''), maxTokens: 1 }
  const canary = async (signal: AbortSignal) => void (await reader.answer({ ...harmless, passageTokens: 1 }, signal))
  return { scorer, reader, calls: { endpoints: [model], canary } }
}
