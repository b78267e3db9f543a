/** One set of queries answered under several conditions: a derived stream each, fed from what the first one found. */
import { measureOf, nllBy } from '../method/gain.ts'
import { Fatal } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { enter, type Item } from '../runtime/source.ts'
import type { Candidates } from '../schemas/candidates.ts'
import type { RunEntry } from '../schemas/control.ts'
import type { Gains } from '../schemas/gains.ts'
import type { Candidate } from '../schemas/passage.ts'
import { candidates, gains } from '../topics/index.ts'
import type { Config } from './config.ts'
import { openRun } from './runs.ts'
import { openStream, sourceOf } from './streams.ts'
import type { Weights } from './weights.ts'
import type { World } from './world.ts'

/** How the passage is chosen that the reader gets; `gain` knows the golds: an upper bound. */
export const conditions = ['none', 'first', 'dense', 'bm25', 'reranker', 'selected', 'abstain', 'gain'] as const
export type Condition = (typeof conditions)[number]

export const described: Record<Condition, string> = {
  none: 'no passage',
  first: 'first retrieved passage',
  dense: 'first by meaning (dense)',
  bm25: 'first by words (BM25)',
  reranker: 'untrained reranker',
  selected: 'selector',
  abstain: 'selector, may abstain',
  gain: 'passage with the most gain',
}

/** Folders of weights for the conditions that need them. */
export interface Choosers {
  readonly selector?: Weights | undefined
  readonly reranker?: Weights | undefined
}

export const needsSelector = (condition: Condition): boolean => condition === 'selected' || condition === 'abstain'

const chooserOf = (condition: Condition, { selector, reranker }: Choosers): Weights | undefined =>
  condition === 'reranker' ? reranker : needsSelector(condition) ? selector : undefined

const byScore: ReadonlySet<Condition> = new Set(['dense', 'bm25', 'gain'] as const)
const byWeights: ReadonlySet<Condition> = new Set(['reranker', 'selected', 'abstain'] as const)

/** What a condition asks for, before anything is done. @throws Fatal that names what is missing */
export const checkConditions = (
  wanted: readonly Condition[],
  { retrieve: { mode } }: Config,
  choosers: Choosers,
  given: boolean,
): void => {
  for (const condition of wanted) {
    const missing = condition === 'bm25' ? 'dense' : condition === 'dense' ? 'sparse' : undefined
    if (missing !== undefined && given)
      throw new Fatal(
        `condition ${condition}: candidates that come with the queries carry no ranks of their own search`,
      )
    if (missing === mode) throw new Fatal(`condition ${condition} needs its ranking: retrieve.mode is ${mode}`)
    if (!byWeights.has(condition)) continue
    const weights = chooserOf(condition, choosers)
    if (!weights)
      throw new Fatal(
        condition === 'reranker'
          ? 'condition reranker needs a folder of weights: name it with --reranker'
          : `condition ${condition} needs a selector: name its folder with --selector, or put one in force`,
      )
    if (condition === 'abstain' && weights.minScore === null)
      throw new Fatal(`condition abstain: ${weights.folder} was fitted without a least score (min_score)`)
  }
}

/** A selector's weights are part of the name: another selector's answers are another stream. */
const nameOf = ({ stream }: Config, condition: Condition, weights: Weights | undefined): string =>
  [stream, condition, ...(weights ? [weights.sha256.slice(0, 8)] : [])].join('-')

const selectOf = ({ select }: Config, condition: Condition, weights: Weights | undefined): Config['select'] => ({
  ...select,
  by: weights ? 'model' : byScore.has(condition) ? 'given' : 'retrieval',
  model: weights?.folder ?? null,
  abstain: condition === 'abstain',
  cascade: needsSelector(condition) ? select.cascade : { ...select.cascade, first: null },
})

/** The settings of a condition's stream: those of its source but for how a passage is chosen. */
export const settingsOf = (config: Config, condition: Condition, choosers: Choosers): Config => {
  const weights = chooserOf(condition, choosers)
  return {
    ...config,
    stream: nameOf(config, condition, weights),
    select: selectOf(config, condition, weights),
    generate: { ...config.generate, passages: condition === 'none' ? 0 : Math.max(1, config.generate.passages) },
  }
}

/** Gains as given scores: the passage that makes an answer likeliest scores highest. */
const asGiven = ({ run, asked_at, query, passages, gains: measured, measure }: Gains): Candidates => {
  const nll = new Map(measured.map((gain) => [gain.passage_id, nllBy(measureOf({ measure }), gain)]))
  const scored = passages.map((candidate) => {
    const found = nll.get(candidate.id)
    return { ...candidate, given_score: typeof found === 'number' ? -found : null }
  })
  return { run, asked_at, query, passages: scored }
}

/** Ranks as given scores; where the search found nothing, e.g. no word in common, the order of retrieval stands. */
const ranked = (asked: Candidates, rankOf: (candidate: Candidate) => number | null): Candidates => {
  const found = asked.passages.some((candidate) => rankOf(candidate) !== null)
  const scored = asked.passages.map((candidate) => {
    const rank = found ? rankOf(candidate) : candidate.rank
    return { ...candidate, given_score: rank === null ? null : -rank }
  })
  return { ...asked, passages: scored }
}

const dressed = (asked: Candidates, condition: Condition): Candidates =>
  condition === 'bm25'
    ? ranked(asked, ({ sparse_rank }) => sparse_rank)
    : condition === 'dense'
      ? ranked(asked, ({ dense_rank }) => dense_rank)
      : asked

/** One partition of a topic from a position to where it ends now; `position` is the one after the record. */
async function* partition(log: Log, topic: string, at: number, from: number) {
  const info = await log.describe(topic)
  const bounds = info?.partitions ?? []
  const until = bounds.map(({ end }, p) => (p === at ? end : 0))
  const start = bounds.map(({ first }, p) => (p === at ? Math.max(from, first) : 0))
  yield* log.read(topic, { from: start, until })
}

/**
 * Brings a run's candidates into a condition's stream, once: exactly as they were, or with their gains as scores.
 * Settled per partition, so that it goes on where it was killed.
 */
export const derive = async (
  world: World,
  entry: RunEntry,
  condition: Condition,
  choosers: Choosers,
  signal: AbortSignal,
) => {
  const { log, codec, names } = world
  const derived = await openStream(world.as(settingsOf(world.config, condition, choosers)), signal, names.stream)
  const { source, run } = entry
  const own = await openRun(derived, { run, topology: 'answering', source }, signal)
  const topic = condition === 'gain' ? gains : candidates
  const messages = async function* (at: number, from: number): AsyncGenerator<Item> {
    for await (const { key, value, position, headers } of partition(log, names.topic(topic), at, from)) {
      if (value === null || !key?.toString().startsWith(`${run}/`)) continue
      if (headers['supersedes'] !== undefined) continue // sent back to one stage: it was here before
      const found =
        condition === 'gain'
          ? asGiven(await codec.decode(gains, value))
          : dressed(await codec.decode(candidates, value), condition)
      yield { message: candidates.message(found, { run }), position: position + 1 }
    }
  }
  let entered = 0
  for (let at = 0; at < world.config.partitions; at++) {
    const options = sourceOf(derived, `derive/${run}/${topic.name}/${at}`, names.topic(topic), signal)
    entered += (await enter(options, (from) => messages(at, from))).entered
  }
  return { world: derived, entry: own, entered }
}

/** How many queries of a run reached a topic: what a derived run has to answer. */
export const reached = async ({ log, names }: World, run: string, topic: typeof gains | typeof candidates) => {
  const keys = new Set<string>()
  for await (const { key } of log.read(names.topic(topic))) {
    const text = key?.toString()
    if (text?.startsWith(`${run}/`)) keys.add(text)
  }
  return keys.size
}
