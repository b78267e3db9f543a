/** Holds a selector's folder against the model that was trained: the same pairs, and how far the logits are apart. */
import { openSelector } from '../selectors/open.ts'
import type { Choice } from '../../method/ports.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { ReferencePairs } from './trained.ts'

/** Of a logit, in full precision. */
export const largestDifference = 1e-3
/** Least rank correlation of all logits in 8 bits. */
export const leastSpearman = 0.95

export interface LogitParity {
  readonly pairs: number
  /** Largest of a logit. */
  readonly difference: number
  /** Spearman's rank correlation of all logits. */
  readonly spearman: number
  /** Share of the groups whose highest logit is that of the same passage. */
  readonly top: number
}

/** Ranks from 0; equals share the mean of theirs. */
const ranks = (values: readonly number[]): number[] => {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!)
  const found = new Array<number>(values.length)
  for (let from = 0, to: number; from < order.length; from = to) {
    to = from + 1
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++
    for (let i = from; i < to; i++) found[order[i]!] = (from + to - 1) / 2
  }
  return found
}

/** NaN where either list is all alike, or holds what is no number. */
export const spearman = (a: readonly number[], b: readonly number[]): number => {
  if (![...a, ...b].every(Number.isFinite)) return NaN
  const [x, y] = [ranks(a), ranks(b)]
  const middle = (a.length - 1) / 2
  const product = (p: readonly number[], q: readonly number[]) =>
    p.reduce((sum, value, i) => sum + (value - middle) * (q[i]! - middle), 0)
  return product(x, y) / Math.sqrt(product(x, x) * product(y, y))
}

const best = (values: readonly number[]) => values.indexOf(Math.max(...values))

export const logitParity = (groups: ReferencePairs, found: readonly (readonly number[])[]): LogitParity => {
  const [expected, all] = [groups.flatMap(({ logits }) => logits), found.flat()]
  // A figure that is no number is no parity: NaN stays NaN in the maximum.
  const difference = Math.max(...expected.map((value, i) => Math.abs(value - (all[i] ?? NaN))))
  const same = groups.filter(({ logits }, i) => best(logits) === best(found[i] ?? []))
  return { pairs: expected.length, difference, spearman: spearman(expected, all), top: same.length / groups.length }
}

const choiceOf = ({ title, text }: { title: string; text: string }, i: number): Choice => ({
  ...{ id: String(i), title, text, source: 'retrieved', rank: i + 1, score: 0 },
  ...{ dense_rank: null, dense_score: null, sparse_rank: null, sparse_score: null, given_score: null },
})

/** Runs a folder as it will be run; its linear part must not be in it yet. */
export const compared = async (folder: string, groups: ReferencePairs, signal: AbortSignal): Promise<LogitParity> => {
  const selector = await openSelector(folder, { workers: 1 }, signal)
  try {
    const scores = groups.map(({ query, passages }) => selector.score(query, passages.map(choiceOf), signal))
    return logitParity(groups, await Promise.all(scores))
  } finally {
    await selector.close?.()
  }
}

/** @throws Fatal when it computes something else than what was trained */
export const proved = (kind: 'fp32' | 'int8', found: LogitParity): LogitParity => {
  const holds = kind === 'fp32' ? found.difference <= largestDifference : found.spearman >= leastSpearman
  if (holds) return found
  throw new Fatal(
    `the ${kind} form of the selector does not compute what was trained (${found.pairs} pairs: largest difference ` +
      `${found.difference.toExponential(1)}, rank correlation ${found.spearman.toFixed(4)})` +
      (kind === 'int8' ? '; leave the 8-bit form out' : ''),
  )
}
