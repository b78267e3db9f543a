/** From gains to training groups, and from groups to what a trainer reads. */
import type { Gain } from '../schemas/gains.ts'
import type { Candidate } from '../schemas/passage.ts'
import type { Query } from '../schemas/query.ts'
import type { GroupPassage } from '../schemas/sample.ts'
import { answerMatcher } from './answer.ts'
import { nllBy, tooFewScored, type Measure } from './gain.ts'

/** −ln(perplexity + 1) of a mean NLL in nats, in log space: −softplus(x), whose exponential never overflows. */
export const teacherScore = (meanNll: number): number =>
  -(Math.max(meanNll, 0) + Math.log1p(Math.exp(-Math.abs(meanNll))))

/** The teacher's distribution over a group; sums to 1. No scores, no shares. */
export const softmax = (scores: readonly number[], temperature = 1): number[] => {
  const highest = scores.reduce((a, b) => Math.max(a, b), -Infinity)
  const weights = scores.map((score) => Math.exp((score - highest) / temperature))
  const sum = weights.reduce((a, b) => a + b, 0)
  return weights.map((weight) => weight / sum)
}

/** Nats; 0 where one passage has all the weight, ln n where n passages are alike. */
export const entropy = (shares: readonly number[]): number =>
  shares.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0)

export interface GroupOptions {
  readonly measure?: Measure
  /** Leaves near-copies out where their original has figures of its own. */
  readonly dropTwins?: boolean
}

/** The positive first, then the others by rank; or why there is no group. */
export type Group = { readonly passages: GroupPassage[] } | { readonly reason: string }

const scoredPassages = (
  query: Pick<Query, 'answers' | 'lang'>,
  passages: readonly Candidate[],
  gains: readonly Gain[],
  measure: Measure,
): GroupPassage[] => {
  const gainOf = new Map(gains.map((gain) => [gain.passage_id, gain]))
  const holdsAnswer = answerMatcher(query.answers, query.lang)
  return passages.flatMap(({ id, title, text, source, rank, twin_of, score, ...found }) => {
    const gain = gainOf.get(id)
    const mean_nll = gain ? nllBy(measure, gain) : null
    if (mean_nll === null) return []
    return {
      id,
      title,
      text,
      source,
      rank,
      mean_nll,
      score: teacherScore(mean_nll),
      has_answer: holdsAnswer(text),
      twin_of,
      ...{ retrieval_score: score, dense_rank: found.dense_rank, dense_score: found.dense_score },
      ...{ sparse_rank: found.sparse_rank, sparse_score: found.sparse_score },
    }
  })
}

const withoutTwins = (passages: readonly GroupPassage[]): GroupPassage[] => {
  const ids = new Set(passages.map(({ id }) => id))
  return passages.filter(({ twin_of }) => twin_of === null || !ids.has(twin_of))
}

/** The training group of a query: positive = least mean NLL by the measure, ties keep retrieval order. */
export const buildGroup = (
  query: Pick<Query, 'answers' | 'lang'>,
  passages: readonly Candidate[],
  gains: readonly Gain[],
  { measure = 'contrastive', dropTwins = false }: GroupOptions = {},
): Group => {
  const scored = scoredPassages(query, passages, gains, measure)
  const group = (dropTwins ? withoutTwins(scored) : scored).sort((a, b) => a.rank - b.rank)
  if (group.length < 2) return { reason: tooFewScored(gains) ?? 'fewer than two candidates that are not near-copies' }
  const positive = group.reduce((best, passage) => (passage.mean_nll < best.mean_nll ? passage : best))
  return { passages: [positive, ...group.filter((passage) => passage !== positive)] }
}

export interface Margins {
  /** Nats: negatives whose mean NLL is less than this above the positive's are dropped. */
  readonly minMargin?: number
  /** Negatives that hold an answer are dropped. */
  readonly dropAnswerNegatives?: boolean
}

export interface Contrasted {
  readonly positive: GroupPassage
  readonly negatives: GroupPassage[]
  /** A negative that both rules would drop is counted under the margin. */
  readonly dropped: { readonly withinMargin: number; readonly holdsAnswer: number }
}

/** A group for a trainer with a hard loss, without its likeliest false negatives; undefined for an empty group. */
export const contrastGroup = (
  [positive, ...others]: readonly GroupPassage[],
  { minMargin = 0, dropAnswerNegatives = false }: Margins = {},
): Contrasted | undefined => {
  if (!positive) return undefined
  const clear = others.filter((passage) => passage.mean_nll - positive.mean_nll >= minMargin)
  const negatives = clear.filter((passage) => !(dropAnswerNegatives && passage.has_answer))
  const dropped = { withinMargin: others.length - clear.length, holdsAnswer: clear.length - negatives.length }
  return { positive, negatives, dropped }
}
