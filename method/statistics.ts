/** Means with intervals, over datasets and between runs. Everything is independent of the order of the queries. */
import { generator } from './random.ts'

/** A mean of n values with its 95 % bootstrap interval (percentiles). */
export interface Interval {
  readonly n: number
  readonly mean: number
  readonly low: number
  readonly high: number
}

export interface BootstrapOptions {
  readonly resamples?: number
  readonly seed?: string
}

const defaults = { resamples: 10_000, seed: 'gainstream' }

const percentile = (ascending: Float64Array, share: number): number => {
  const at = share * (ascending.length - 1)
  const [below, above] = [ascending[Math.floor(at)]!, ascending[Math.ceil(at)]!]
  return below + (at - Math.floor(at)) * (above - below)
}

/** Of at least one value: 2.5 % and 97.5 %, between neighbours in proportion. */
export const percentiles = (values: Float64Array): { low: number; high: number } => {
  const ascending = values.slice().sort()
  return { low: percentile(ascending, 0.025), high: percentile(ascending, 0.975) }
}

const meanOf = (values: Float64Array): number => values.reduce((sum, x) => sum + x, 0) / values.length

const resampledMean = (values: Float64Array, random: (n: number) => number): number => {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[random(values.length)]!
  return sum / values.length
}

/** The mean of the strata's means; each stratum is drawn from by itself. */
const stratified = (strata: readonly Float64Array[], options: BootstrapOptions): Interval => {
  const { resamples, seed } = { ...defaults, ...options }
  const random = generator(seed)
  const average = (mean: (values: Float64Array) => number) =>
    strata.reduce((sum, values) => sum + mean(values), 0) / strata.length
  const means = Float64Array.from({ length: resamples }, () => average((values) => resampledMean(values, random)))
  const n = strata.reduce((sum, values) => sum + values.length, 0)
  return { n, mean: average(meanOf), ...percentiles(means) }
}

const sorted = (values: readonly number[]): Float64Array => Float64Array.from(values).sort()

/** A mean with its 95 % percentile bootstrap interval; undefined for no values. */
export const meanInterval = (values: readonly number[], options: BootstrapOptions = {}): Interval | undefined =>
  values.length === 0 ? undefined : stratified([sorted(values)], options)

export interface Overall {
  /** Over all queries alike. */
  readonly micro: Interval
  /** Over datasets: the mean of their means. Its n counts queries, too. */
  readonly macro: Interval
  readonly datasets: Readonly<Record<string, Interval>>
}

/** One figure, query by query, under the name of each dataset. Datasets without values do not count. */
export const overall = (
  values: ReadonlyMap<string, readonly number[]>,
  options: BootstrapOptions = {},
): Overall | undefined => {
  const strata = [...values].filter(([, of]) => of.length > 0).sort(([a], [b]) => (a < b ? -1 : 1))
  const micro = meanInterval(
    strata.flatMap(([, of]) => [...of]),
    options,
  )
  if (!micro) return undefined
  const datasets = strata.map(([name, of]) => [name, stratified([sorted(of)], options)] as const)
  const macro = stratified(
    strata.map(([, of]) => sorted(of)),
    options,
  )
  return { micro, macro, datasets: Object.fromEntries(datasets) }
}
