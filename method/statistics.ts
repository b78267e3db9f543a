/** Means with intervals, over datasets and between runs. Everything is independent of the order of the queries. */
import { multinomial } from './binomial.ts'
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

/** Values to be drawn from with replacement. */
interface Stratum {
  readonly n: number
  readonly mean: number
  /** The mean of n draws. */
  resampled(random: (n: number) => number): number
}

const sumOf = (values: Float64Array): number => values.reduce((sum, x) => sum + x, 0)

/** One draw after the other. */
const drawn = (values: Float64Array): Stratum => ({
  n: values.length,
  mean: sumOf(values) / values.length,
  resampled(random) {
    let sum = 0
    for (let i = 0; i < values.length; i++) sum += values[random(values.length)]!
    return sum / values.length
  },
})

/** The same in distribution: how often each level is drawn, all at once. */
const counted = (levels: ReadonlyMap<number, number>): Stratum => {
  const [values, counts] = [[...levels.keys()], [...levels.values()]]
  const n = counts.reduce((sum, count) => sum + count, 0)
  const mean = (times: readonly number[]) => times.reduce((sum, count, i) => sum + count * values[i]!, 0) / n
  return {
    n,
    mean: mean(counts),
    resampled: (random) => mean(multinomial(counts, () => (random(2 ** 32) + 0.5) / 2 ** 32)),
  }
}

/** From so many values on, levels are counted where each holds many of them. */
const many = 1000
const perLevel = 20

const stratum = (given: readonly number[]): Stratum => {
  const values = Float64Array.from(given).sort()
  if (values.length < many) return drawn(values)
  const levels = new Map<number, number>()
  for (const value of values) levels.set(value, (levels.get(value) ?? 0) + 1)
  return levels.size * perLevel > values.length ? drawn(values) : counted(levels)
}

/** The mean of the strata's means; each stratum is drawn from by itself. */
const stratified = (strata: readonly Stratum[], options: BootstrapOptions): Interval => {
  const { resamples, seed } = { ...defaults, ...options }
  const random = generator(seed)
  const average = (mean: (one: Stratum) => number) => strata.reduce((sum, one) => sum + mean(one), 0) / strata.length
  const means = Float64Array.from({ length: resamples }, () => average((one) => one.resampled(random)))
  const n = strata.reduce((sum, one) => sum + one.n, 0)
  return { n, mean: average(({ mean }) => mean), ...percentiles(means) }
}

/** A mean with its 95 % percentile bootstrap interval; undefined for no values. */
export const meanInterval = (values: readonly number[], options: BootstrapOptions = {}): Interval | undefined =>
  values.length === 0 ? undefined : stratified([stratum(values)], options)

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
  const datasets = strata.map(([name, of]) => [name, stratified([stratum(of)], options)] as const)
  const macro = stratified(
    strata.map(([, of]) => stratum(of)),
    options,
  )
  return { micro, macro, datasets: Object.fromEntries(datasets) }
}
