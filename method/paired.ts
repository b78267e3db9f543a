/** Two runs over the same queries. */
import { meanInterval, type BootstrapOptions, type Interval } from './statistics.ts'

export interface Comparison {
  /** Queries that both runs graded. */
  readonly n: number
  readonly won: number
  readonly lost: number
  readonly tied: number
  /** Mean of ours − theirs, with its paired bootstrap interval. */
  readonly difference: Interval
  /** The smallest true difference that this many queries could show; undefined where they could show none. */
  readonly detectable: number | undefined
  /** Queries of one run that the other lacks. */
  readonly unmatched: { readonly ours: number; readonly theirs: number }
}

/** Standard errors for a two-sided test at 5 % that finds what is there four times out of five: 1.96 + 0.84. */
const errors = 2.8016

/** Fewer queries than this, all changing to one side, could be chance: 2 · 0.5^6 < 5 % < 2 · 0.5^5. */
const fewest = 6

/** For grades between 0 and 1. */
const detectableWith = (differences: readonly number[], mean: number): number | undefined => {
  const n = differences.length
  if (n < fewest) return undefined
  const variance = differences.reduce((sum, d) => sum + (d - mean) ** 2, 0) / (n - 1)
  return Math.max(errors * Math.sqrt(variance / n), fewest / n)
}

/** Grades by query id; undefined where the runs have no query in common. */
export const compareRuns = (
  ours: ReadonlyMap<string, number>,
  theirs: ReadonlyMap<string, number>,
  options: BootstrapOptions = {},
): Comparison | undefined => {
  const differences = [...ours].flatMap(([id, grade]) => {
    const other = theirs.get(id)
    return other === undefined ? [] : [grade - other]
  })
  const difference = meanInterval(differences, options)
  if (!difference) return undefined
  const n = differences.length
  const won = differences.filter((d) => d > 0).length
  const lost = differences.filter((d) => d < 0).length
  return {
    n,
    won,
    lost,
    tied: n - won - lost,
    difference,
    detectable: detectableWith(differences, difference.mean),
    unmatched: { ours: ours.size - n, theirs: theirs.size - n },
  }
}
