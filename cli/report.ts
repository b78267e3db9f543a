import { estimates, type Estimate } from '../runtime/totals.ts'
import type { RunState } from './runs.ts'

/** A number, an interval behind it or not; `-` where there is none. */
const isFigure = (text: string | undefined) => !text || /^([-+]?\d|-$)/.test(text)

/** Text from outside as one line without control characters: a terminal would obey them. */
export const harmless = (text: string): string => text.replace(/\p{Cc}+/gu, ' ')

/** A table of equal columns below their heads; columns of figures are right-aligned, but for the first. */
export const table = (given: readonly (readonly string[])[]): string => {
  const rows = given.map((row) => row.map(harmless))
  const [head = [], ...body] = rows
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const figures = head.map((_, column) => column > 0 && body.every((row) => isFigure(row[column])))
  const cell = (text: string, column: number) =>
    figures[column] ? text.padStart(widths[column]!) : text.padEnd(widths[column]!)
  return rows.map((row) => row.map(cell).join('  ').trimEnd()).join('\n')
}

const percent = (value: number) => (100 * value).toFixed(1)

/** ×100 with its 95 % interval. */
export const shown = (estimate: Estimate | undefined): string =>
  estimate ? `${percent(estimate.mean)} [${percent(estimate.low)}, ${percent(estimate.high)}]` : '-'

/** As it is written for programs, ×100. */
export const scaled = ({ n, mean, low, high }: Estimate) => ({ n, mean: 100 * mean, interval: [100 * low, 100 * high] })

type Sums = Readonly<Record<string, Float64Array>>

const sumsOf = ({ stages }: RunState): Sums => stages.evaluate?.figures ?? {}

/** Figures of a run by dataset. Queries that name none are under `all`. */
export const datasetsOf = (state: RunState): Record<string, Record<string, Estimate>> => estimates(sumsOf(state))

/** All datasets of a run as one group: every query weighs the same (micro). */
export const microOf = (state: RunState): Record<string, Estimate> => {
  const all: Record<string, Float64Array> = {}
  for (const [key, sums] of Object.entries(sumsOf(state))) {
    const into = (all[`all/${key.slice(key.lastIndexOf('/') + 1)}`] ??= new Float64Array(sums.length))
    sums.forEach((value, i) => (into[i]! += value))
  }
  return estimates(all).all ?? {}
}

/** How often the queries that have a figure count, in total and in each replicate: see `weightOf` in the totals. */
const weightsOf = (own: Sums, figure: string): Float64Array => {
  const sets = Object.keys(own).filter((key) => key.startsWith('#') && key.slice(1).split('+').includes(figure))
  return (own[figure] ?? new Float64Array()).map((_, b) => sets.reduce((sum, key) => sum + own[key]![b]!, 0))
}

/** In each place the mean over the datasets that have a mean there; a small one may miss from a replicate. */
const meanOfMeans = (datasets: readonly Sums[], figure: string): { means: Float64Array; n: number } => {
  const own = datasets
    .filter((sums) => sums[figure] !== undefined)
    .map((sums) => ({ sums: sums[figure]!, weights: weightsOf(sums, figure) }))
  const means = own[0]!.sums.map((_, b) => {
    const there = own.map(({ sums, weights }) => sums[b]! / weights[b]!).filter(Number.isFinite)
    return there.reduce((sum, mean) => sum + mean, 0) / there.length
  })
  return { means, n: own.reduce((sum, { weights }) => sum + weights[0]!, 0) }
}

/** The mean of the datasets' means: every dataset weighs the same (macro). Its n counts queries, too. */
export const macroOf = (state: RunState): Record<string, Estimate> => {
  const datasets: Record<string, Record<string, Float64Array>> = {}
  for (const [key, sums] of Object.entries(sumsOf(state))) {
    const cut = key.lastIndexOf('/')
    ;(datasets[key.slice(0, cut)] ??= {})[key.slice(cut + 1)] = sums
  }
  const all = Object.values(datasets)
  const figures = new Set(all.flatMap((own) => Object.keys(own)).filter((name) => !name.startsWith('#')))
  const synthetic = [...figures].flatMap((figure) => {
    const { means, n } = meanOfMeans(all, figure)
    // As sums over weights, of which the first says how many queries there are.
    const weights = means.map((_, b) => (b === 0 ? n : 1))
    return [[`macro/${figure}`, means.map((mean, b) => mean * weights[b]!)] as const, [`macro/#${figure}`, weights] as const] // prettier-ignore
  })
  return estimates(Object.fromEntries(synthetic)).macro ?? {}
}
