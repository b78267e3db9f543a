/** Two runs over the same queries. */
import { meanInterval, overall, type BootstrapOptions, type Interval } from './statistics.ts'

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

/** Of one query each; the runs may have others, too. */
interface Pairs {
  readonly differences: readonly number[]
  readonly unmatched: Comparison['unmatched']
}

const pairsOf = (ours: ReadonlyMap<string, number>, theirs: ReadonlyMap<string, number>): Pairs => {
  const differences = [...ours].flatMap(([id, grade]) => {
    const other = theirs.get(id)
    return other === undefined ? [] : [grade - other]
  })
  const n = differences.length
  return { differences, unmatched: { ours: ours.size - n, theirs: theirs.size - n } }
}

const comparison = ({ differences, unmatched }: Pairs, difference: Interval): Comparison => {
  const n = differences.length
  const won = differences.filter((d) => d > 0).length
  const lost = differences.filter((d) => d < 0).length
  const detectable = detectableWith(differences, difference.mean)
  return { n, won, lost, tied: n - won - lost, difference, detectable, unmatched }
}

/** Grades by query id; undefined where the runs have no query in common. */
export const compareRuns = (
  ours: ReadonlyMap<string, number>,
  theirs: ReadonlyMap<string, number>,
  options: BootstrapOptions = {},
): Comparison | undefined => {
  const pairs = pairsOf(ours, theirs)
  const difference = meanInterval(pairs.differences, options)
  return difference && comparison(pairs, difference)
}

export interface ComparisonBySet {
  /** Every query alike. */
  readonly micro: Comparison
  /** The mean of the datasets' means: its interval draws from each dataset by itself. Its n counts queries, too. */
  readonly macro: Pick<Comparison, 'n' | 'difference' | 'detectable'>
  readonly datasets: Readonly<Record<string, Comparison>>
}

/** A mean of means has a part of the error of each; where one of them could show nothing, nor can it. */
const detectableOfMeans = (parts: readonly Comparison[]): number | undefined => {
  const found = parts.flatMap(({ detectable }) => detectable ?? [])
  return found.length < parts.length ? undefined : Math.hypot(...found) / parts.length
}

/** The same by dataset and over all of them; undefined where the runs have no query in common. */
export const compareBySet = (
  ours: ReadonlyMap<string, number>,
  theirs: ReadonlyMap<string, number>,
  datasetOf: (id: string) => string,
  options: BootstrapOptions = {},
): ComparisonBySet | undefined => {
  const bySet = (grades: ReadonlyMap<string, number>) => Map.groupBy(grades, ([id]) => datasetOf(id))
  const [own, others] = [bySet(ours), bySet(theirs)]
  const pairs = new Map([...own.keys()].map((set) => [set, pairsOf(new Map(own.get(set)), new Map(others.get(set)))]))
  const means = overall(new Map([...pairs].map(([set, { differences }]) => [set, differences])), options)
  if (!means) return undefined
  const datasets = Object.entries(means.datasets).map(([set, of]) => [set, comparison(pairs.get(set)!, of)] as const)
  const micro = comparison(pairsOf(ours, theirs), means.micro)
  const detectable = detectableOfMeans(datasets.map(([, of]) => of))
  return { micro, macro: { n: micro.n, difference: means.macro, detectable }, datasets: Object.fromEntries(datasets) }
}
