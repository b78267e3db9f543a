/**
 * The contrast between what a reader says with a passage and what it says without (context-aware decoding, as GainRAG
 * measures with it): contrast = (1 + α)·z(·|c, q, a<t) − α·z(·|q, a<t), normalised over the whole vocabulary.
 */
import type { AnswerScore } from './ports.ts'

/**
 * What a reader thinks of every token of its vocabulary as the next one: logits or log-probabilities, which differ by
 * one constant per row that the softmax removes. −∞ stands for a probability that underflowed.
 */
export type Row = Float32Array | Float64Array

/** The smallest probability that a 32-bit float holds is e^−103.3: what underflowed lies below e^−104 of the likeliest. */
const underflow = 104

/** Highest score of a row, and what stands for −∞ in it: below every finite score, so that nothing changes places. */
const limits = (row: Row): { highest: number; floor: number } => {
  let highest = -Infinity
  let lowest = Infinity
  for (const z of row) {
    if (z > highest) highest = z
    if (z < lowest && z !== -Infinity) lowest = z
  }
  return { highest, floor: Math.min(highest - underflow, lowest) }
}

const check = (withPassage: Row, base: Row, token: number): void => {
  if (withPassage.length !== base.length)
    throw new RangeError(`rows of ${withPassage.length} and ${base.length} tokens are not of one vocabulary`)
  if (!(Number.isInteger(token) && token >= 0 && token < base.length))
    throw new RangeError(`token ${token} is outside a vocabulary of ${base.length}`)
}

/**
 * The definition, for tests to hold every scorer against: read this to know what a contrast is.
 * @returns ln p(token) under the contrast, in nats.
 */
export const contrastByDefinition = (withPassage: Row, base: Row, alpha: number, token: number): number => {
  const possible = (row: Row, { floor } = limits(row)) => Array.from(row, (z) => (z === -Infinity ? floor : z))
  const without = possible(base)
  const contrast = possible(withPassage).map((z, v) => (1 + alpha) * z - alpha * without[v]!)
  const highest = contrast.reduce((a, b) => Math.max(a, b))
  const normaliser = highest + Math.log(contrast.reduce((sum, x) => sum + Math.exp(x - highest), 0))
  return contrast[token]! - normaliser
}

/**
 * The same in two passes and without memory of its own: ln p(token) under the contrast, in nats, finite and ≤ 0.
 *
 * A token that is impossible in a row (−∞) counts as just less likely than all others there, so that neither the
 * token itself nor one that only a passage makes possible turns the figure into ∞ or NaN.
 * @throws RangeError for rows of different length or without a finite score, NaN in them, or a token outside them.
 */
export const contrastLogprob = (withPassage: Row, base: Row, alpha: number, token: number): number => {
  check(withPassage, base, token)
  const z = limits(withPassage)
  const b = limits(base)
  let highest = -Infinity
  let sum = 0
  let wanted = NaN
  for (let v = 0; v < withPassage.length; v++) {
    const given = (withPassage[v] === -Infinity ? z.floor : withPassage[v]!) - z.highest
    const bare = (base[v] === -Infinity ? b.floor : base[v]!) - b.highest
    const x = given + alpha * (given - bare)
    if (v === token) wanted = x
    if (x <= highest) sum += Math.exp(x - highest)
    else {
      sum = sum * Math.exp(highest - x) + 1
      highest = x
    }
  }
  const logprob = wanted - highest - Math.log(sum)
  if (!Number.isFinite(logprob)) throw new RangeError('a row of next-token scores has no finite score, or NaN or +∞')
  return logprob
}

/** ln p(token) under one row alone, in nats: the very same arithmetic, so that α = 0 is the plain figure to the bit. */
export const plainLogprob = (row: Row, token: number): number => contrastLogprob(row, row, 0, token)

/** An answer's figures from its rows: row t is what the reader thinks before token t of the answer. */
export const answerScore = (
  withPassage: readonly Row[],
  base: readonly Row[],
  answer: readonly number[],
  alphas: readonly number[],
): AnswerScore => {
  if (withPassage.length !== answer.length || base.length !== answer.length)
    throw new RangeError(`${answer.length} tokens need as many rows, not ${withPassage.length} and ${base.length}`)
  return {
    plain: answer.map((token, t) => plainLogprob(withPassage[t]!, token)),
    contrast: alphas.map((alpha) => answer.map((token, t) => contrastLogprob(withPassage[t]!, base[t]!, alpha, token))),
  }
}

/** Mean negative log-likelihood of an answer, nats a token; undefined for no tokens at all. */
export const meanNll = (logprobs: readonly number[]): number | undefined =>
  logprobs.length === 0 ? undefined : 0 - logprobs.reduce((sum, x) => sum + x, 0) / logprobs.length

/** For people: e^nats. Infinity past 709 nats, which is why records hold nats. */
export const perplexity = (nats: number): number => Math.exp(nats)

/** Mean of ln p(with passage) − ln p(without), nats a token; undefined for no tokens or lists of unequal length. */
export const infogain = (plain: readonly number[], base: readonly number[]): number | undefined =>
  plain.length === 0 || plain.length !== base.length
    ? undefined
    : plain.reduce((sum, x, t) => sum + (x - base[t]!), 0) / plain.length
