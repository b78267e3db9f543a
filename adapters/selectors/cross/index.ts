/** A cross-encoder on onnxruntime, in worker threads: it reads the question and one passage together. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { featuresOf, isFeature } from '../../../method/features.ts'
import type { Choice, Selector } from '../../../method/ports.ts'
import { linearScore, type CrossEncoder, type Linear } from '../../../method/selector.ts'
import { Fatal, Rejected, Unavailable } from '../../../runtime/errors.ts'
import { unobserved, type Logger } from '../../../runtime/observe.ts'
import { gather, type Run } from '../../onnx/gather.ts'
import { openPool } from '../../onnx/pool.ts'
import { workersFor } from '../../onnx/workers.ts'
import { beside, type Thread } from '../../thread/thread.ts'
import { readSelector, type SelectorFolder } from '../folder.ts'
import { pairOf, tokensAbout, type Pair } from './texts.ts'
import type { CrossWorker, Logits } from './worker.ts'

export interface CrossOptions {
  /** Worker threads, each with a copy of the model (default: two, where there is memory for both). */
  readonly workers?: number | undefined
  /** Cores that one worker's model uses (default: its part of all). */
  readonly threads?: number | undefined
  /** Execution providers of onnxruntime, tried in this order; one that is missing is passed over with a warning. */
  readonly providers?: readonly string[] | undefined
  readonly logger?: Logger | undefined
}

interface Asked {
  readonly pair: Pair
  /** About how long it is, in tokens. */
  readonly tokens: number
  /** For people. */
  readonly id: string
}

/** Of one run: little is padded on a CPU where few pairs go together, and a graphics card wants many. */
const limits = { cpu: { pairs: 8, tokens: 2048 }, device: { pairs: 128, tokens: 32_768 } }
/** Pairs that a worker is handed at once: a query that comes later waits for no more. */
const handed = { cpu: 32, device: 256 }
/** How long a lone query waits for company, in milliseconds. */
const gathering = 1

/**
 * The oldest first; where several workers are idle, each gets its part of the work that is there.
 * @param line not empty
 */
export const takePairs =
  (most: number) =>
  <I extends { readonly tokens: number }>(line: I[], idle: number): I[] => {
    const part = line.reduce((sum, { tokens }) => sum + tokens, 0) / idle
    let [count, tokens] = [0, 0]
    while (count < Math.min(line.length, most) && (count === 0 || tokens < part)) tokens += line[count++]!.tokens
    return line.splice(0, count)
  }

const running =
  (thread: Thread, name: string, logger: Logger): Run<Asked, number> =>
  async (batch) => {
    const { logits, queryCut } = await thread.call<Logits>('logits', [batch.map(({ pair }) => pair)])
    if (queryCut) logger.warn({}, `${name} cut a question that leaves passages too little room`)
    return batch.map(({ id }, row) => {
      const logit = logits[row]!
      return Number.isFinite(logit) ? logit : new Rejected(`${name} gives passage ${id} no finite logit (${logit})`)
    })
  }

/** Two workers share the cores: while one writes tokens, the other computes. */
const shaped = ({ workers, threads }: CrossOptions) => ({
  workers,
  threads: threads ?? Math.max(1, Math.floor(availableParallelism() / (workers ?? 2))),
})

const opened = async (
  { path, settings }: SelectorFolder,
  encoder: CrossEncoder,
  name: string,
  options: CrossOptions,
) => {
  const { providers = ['cpu'], logger = unobserved.logger } = options
  const model = join(path, 'model.onnx')
  const { workers, threads } = await workersFor(model, shaped(options))
  for (const file of ['model.onnx', 'tokenizer.json'])
    if (settings.sha256[file] === undefined)
      throw new Fatal(`${join(path, 'selector.json')}: 'sha256' must name ${file}, which a cross-encoder needs`)
  const data: CrossWorker = { model, tokenizer: join(path, 'tokenizer.json'), encoder, threads, providers, limits }
  const pool = await openPool({ name, url: beside(import.meta.url, './worker'), workers, data, logger })
  const { provider } = await pool[0]!.call<{ provider: string }>('provider', [])
  const lanes = gather<Asked, number>({
    lanes: pool.map((thread) => running(thread, name, logger)),
    ...{ take: takePairs(provider === 'cpu' ? handed.cpu : handed.device), gathering },
    closed: () => new Unavailable(`${name} is closed`, { endpoint: name }),
  })
  return { pool, lanes }
}

/** Zero for all where the selector has no linear part. */
const priorOf = (linear: Linear | null) => {
  if (linear === null) return (_question: string, choices: readonly Choice[]) => choices.map(() => 0)
  const names = linear.features.filter(isFeature)
  return (question: string, choices: readonly Choice[]) =>
    featuresOf(question, choices, names).map((row) => linearScore(linear, row))
}

/**
 * @throws Fatal when the folder holds no cross-encoder that works, with a sentence that says what is wrong. A score
 *   throws Rejected where a logit is not finite, and Unavailable when a worker dies or all is closed.
 */
export const crossSelector = async (folder: SelectorFolder, options: CrossOptions = {}): Promise<Selector> => {
  const { path, identity, settings } = folder
  const { encoder, linear, min_score } = settings
  if (encoder === null) throw new Fatal(`${path} holds no cross-encoder: 'encoder' in selector.json is null`)
  const name = `the cross-encoder ${identity.name}`
  const { pool, lanes } = await opened(folder, encoder, name, options)
  const prior = priorOf(linear)
  const asked = (question: string, choice: Choice): Asked => {
    const pair = pairOf(encoder.pair, question, choice)
    return { pair, id: choice.id, tokens: Math.min(encoder.max_tokens, tokensAbout(pair[0]) + tokensAbout(pair[1])) }
  }
  return {
    identity,
    ...(min_score === null ? {} : { minScore: min_score }),
    async score(question, choices, signal) {
      signal.throwIfAborted()
      const own = new AbortController()
      const either = AbortSignal.any([signal, own.signal])
      const logits = new Float64Array(choices.length)
      const longestFirst = choices
        .map((choice, at) => ({ at, asked: asked(question, choice) }))
        .sort((a, b) => b.asked.tokens - a.asked.tokens)
      try {
        await Promise.all(
          longestFirst.map(async ({ at, asked }) => void (logits[at] = await lanes.ask(false, asked, either))),
        )
      } catch (error) {
        own.abort(error) // what still waits of this query is of no use
        throw error
      }
      return prior(question, choices).map((score, at) => logits[at]! + score)
    },
    async close() {
      lanes.close()
      await Promise.all(pool.map((thread) => thread.close()))
    },
  }
}

/** Reads the folder, checks its hashes and opens it; see `crossSelector`. */
export const openCross = async (folder: string, options: CrossOptions = {}): Promise<Selector> =>
  crossSelector(await readSelector(folder), options)
