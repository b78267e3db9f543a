/**
 * The reader LLM in this process: any GGUF file, no server, exact over the whole vocabulary.
 */
import type { Reader, Scorer } from '../../method/ports.ts'
import { Fatal, sentence } from '../../runtime/errors.ts'
import { unobserved, type Logger } from '../../runtime/observe.ts'
import { addonOf } from './addon.ts'
import { admission } from '../reader/admission.ts'
import { noCache, openScoreCache } from '../reader/cache.ts'
import { openChat } from './chat.ts'
import { identityOf, openModel, sha256Of, type Gpu, type OpenModel } from './model.ts'
import { openPrompts, type Tokenizer } from '../reader/prompts.ts'
import { openReader } from './read.ts'
import { openRows } from './rows.ts'
import { openScorer } from './score.ts'
import { openSlots } from './slots.ts'
import { sharedTime } from '../reader/time.ts'

export interface LlamaOptions {
  /** A GGUF file. */
  readonly modelPath: string
  /** Of the file, where it is known already; it is read for it otherwise. */
  readonly sha256?: string
  /** Threads that evaluate; as many as there are cores for it. */
  readonly threads?: number
  /** Prompts evaluated at once. */
  readonly sequences?: number
  /** Tokens of a prompt and its answer; memory grows with sequences × contextSize. */
  readonly contextSize?: number
  readonly gpu?: Gpu
  /** SQLite file that remembers scores; none without it. */
  readonly scoreCachePath?: string
  /** Scores that it keeps at most. */
  readonly scoreCacheEntries?: number
  readonly logger?: Logger
}

export interface OpenLlama {
  readonly scorer: Scorer
  readonly reader: Reader
  /** What is being worked on ends as Unavailable. */
  close(this: void): Promise<void>
}

/** Tokens in one batch: enough to be fast, few enough that an aborted query is left within a second on two cores. */
const batchTokens = 512

const contextOf = async (
  { model }: OpenModel,
  options: Required<Pick<LlamaOptions, 'sequences' | 'contextSize'>>,
  threads: number,
) => {
  // Float32 and no flash attention: a figure must not depend on what was evaluated beside or before it (slots.ts).
  const exactness = {
    flashAttention: false,
    experimentalKvCacheKeyType: 'F32',
    experimentalKvCacheValueType: 'F32',
  } as const
  const remedy = { failedCreationRemedy: false, swaFullCache: true } as const
  return model
    .createContext({ ...options, batchSize: batchTokens, threads, ...exactness, ...remedy })
    .catch((error: unknown) => {
      throw new Fatal(
        `there is not enough memory for ${options.sequences} sequences of ${options.contextSize} tokens ` +
          `(${sentence(error)}): lower reader.sequences or reader.context`,
        { cause: error },
      )
    })
}

/**
 * @throws Fatal for a model that cannot be opened or does not fit into memory, and for a cache that is no cache.
 */
export const openLlama = async (options: LlamaOptions): Promise<OpenLlama> => {
  const { modelPath, threads = 0, sequences = 4, gpu = false } = options
  const opened = await openModel(modelPath, threads, gpu)
  try {
    return await assemble(opened, { ...options, sequences }, threads)
  } catch (error) {
    await opened.close()
    throw error
  }
}

const assemble = async (opened: OpenModel, options: LlamaOptions & { sequences: number }, threads: number) => {
  const { model } = opened
  const { modelPath, sequences } = options
  const contextSize = Math.min(options.contextSize ?? 1024, model.trainContextSize)
  const [context, revision] = await Promise.all([
    contextOf(opened, { sequences, contextSize }, threads),
    options.sha256 ?? sha256Of(modelPath),
  ])
  const addon = addonOf(context, model)
  const identity = identityOf(model, modelPath, revision)
  const { runner: _runner, plugin: _plugin, ...known } = identity // a cache that was filled before they came stays good
  const detokenize = (tokens: readonly number[]) => model.detokenize(tokens as Parameters<typeof model.detokenize>[0])
  const tokenizer: Tokenizer = { tokenize: (text) => model.tokenize(text), detokenize }
  const prompts = openPrompts(openChat(model, addon), tokenizer, contextSize)
  const slots = openSlots(addon.context, { sequences, contextSize, batchTokens, name: identity.model })
  const rows = openRows(addon)
  const cache = options.scoreCachePath
    ? openScoreCache(options.scoreCachePath, JSON.stringify(known), {
        keep: options.scoreCacheEntries ?? 1_000_000,
        logger: options.logger ?? unobserved.logger,
      })
    : noCache
  const close = async () => {
    await slots.close()
    rows.close()
    cache.close()
    await context.dispose()
    await opened.close()
  }
  const parts = { identity, prompts, slots, rows, timed: sharedTime() }
  return {
    scorer: openScorer({ ...parts, cache, admit: admission(sequences) }),
    reader: openReader({ ...parts, detokenize, ends: (token) => model.isEogToken(token as never) }),
    close,
  }
}
