/** A report as a value, whatever it is written as. Texts are as they came from outside: whoever writes them escapes them. */

/** A number as it is meant, with the digits that people are shown. */
export interface Figure {
  readonly value: number
  readonly low?: number
  readonly high?: number
  /** Shown with its sign: a difference. */
  readonly signed?: boolean
}

/** `null`: there is none. */
export type Cell = string | number | Figure | null

export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

/** Means with their intervals, one under the other on one axis. */
export interface Plot {
  readonly title: string
  readonly rows: readonly { readonly label: string; readonly figure: Figure }[]
}

export type Block =
  | { readonly heading: string; readonly level: 2 | 3 }
  | { readonly text: string }
  | { readonly list: readonly string[] }
  | { readonly table: Table }
  | { readonly plot: Plot }

export interface Report {
  readonly title: string
  readonly blocks: readonly Block[]
  /** What the figures were taken from: the same as --json says. */
  readonly data: unknown
}

/** One digit behind the point; a difference has a sign. */
export const written = (value: number, signed = false): string =>
  `${signed && value > 0 ? '+' : ''}${value.toFixed(1).replace(/^-(?=0\.0$)/, '')}`

/** A figure as `41.2 [38.0, 44.4]`; `-` where there is none. */
export const cellText = (cell: Cell): string => {
  if (cell === null) return '-'
  if (typeof cell !== 'object') return String(cell)
  const { value, low, high, signed } = cell
  const interval = low === undefined || high === undefined ? '' : ` [${written(low, signed)}, ${written(high, signed)}]`
  return `${written(value, signed)}${interval}`
}

interface Scaled {
  readonly mean: number
  readonly interval: readonly number[]
}

/** What --json says of a mean, as a cell. */
export const figureOf = (scaled: Scaled | null | undefined, signed = false): Figure | null =>
  scaled ? { value: scaled.mean, low: scaled.interval[0]!, high: scaled.interval[1]!, ...(signed && { signed }) } : null
