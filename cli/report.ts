import { estimates, type Estimate } from '../runtime/totals.ts'
import type { RunState } from './runs.ts'

/** Figures of the method, as they are shown. */
export const figureNames = ['strict_em', 'boundary_em', 'containment_em', 'f1', 'has_answer', 'hit'] as const

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

/** Figures of a run by dataset, ×100, each with its interval. */
export const figuresOf = ({ stages }: RunState) => {
  const byDataset = estimates(stages.evaluate?.figures ?? {})
  const scaled = ({ n, mean, low, high }: Estimate) => ({ n, mean: 100 * mean, interval: [100 * low, 100 * high] })
  return Object.fromEntries(
    Object.entries(byDataset).map(([dataset, figures]) => [
      dataset,
      Object.fromEntries(Object.entries(figures).map(([name, estimate]) => [name, scaled(estimate)])),
    ]),
  )
}

/** All datasets of a run as one group: every query weighs the same (micro). */
export const microOf = ({ stages }: RunState): Record<string, Estimate> => {
  const all: Record<string, Float64Array> = {}
  for (const [key, sums] of Object.entries(stages.evaluate?.figures ?? {})) {
    const into = (all[`all/${key.slice(key.lastIndexOf('/') + 1)}`] ??= new Float64Array(sums.length))
    sums.forEach((value, i) => (into[i]! += value))
  }
  return estimates(all).all ?? {}
}
