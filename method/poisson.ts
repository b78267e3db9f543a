/**
 * The Poisson bootstrap: intervals out of a stream. Each record counts Poisson(1) times in each replicate; the weights
 * follow from its id, so that they are the same wherever and however often it is folded.
 */
import { percentiles, type Interval } from './statistics.ts'
import { draw, hash } from './random.ts'

/** P(weight ≤ n) in 2^32nds. */
const thresholds: readonly number[] = Array.from({ length: 13 }).reduce<{ sum: number; p: number; all: number[] }>(
  ({ sum, p, all }, _, n) => ({ sum: sum + p, p: p / (n + 1), all: [...all, (sum + p) * 4_294_967_296] }),
  { sum: 0, p: Math.exp(-1), all: [] },
).all

const weightAt = (u: number): number => {
  let n = 0
  while (n < thresholds.length && u >= thresholds[n]!) n++
  return n
}

/** One weight per replicate, from 0 to 13, mean 1. */
export const poissonWeights = (id: string, replicates = 200): Uint8Array => {
  const [seed, other] = [hash(id, 1), hash(id, 2)]
  return Uint8Array.from({ length: replicates }, (_, i) => weightAt(draw(draw(seed, i) ^ other, i)))
}

/**
 * A mean with its 95 % percentile interval from folded sums: the plain sum first, then one per replicate, and the
 * weights added up in the same way. Undefined where nothing was folded.
 */
export const replicateInterval = (sums: ArrayLike<number>, counts: ArrayLike<number>): Interval | undefined => {
  const n = counts[0] ?? 0
  if (n === 0) return undefined
  const mean = (sums[0] ?? 0) / n
  const means = Float64Array.from({ length: sums.length - 1 }, (_, i) => {
    const count = counts[i + 1] ?? 0
    return count === 0 ? mean : (sums[i + 1] ?? 0) / count
  })
  return { n, mean, ...(means.length === 0 ? { low: mean, high: mean } : percentiles(means)) }
}
