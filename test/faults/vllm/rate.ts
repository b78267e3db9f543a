/** Rates out of the moments at which gains were made. Times in milliseconds. */

const between = (times: readonly number[], from: number, to: number) =>
  times.filter((at) => at >= from && at < to).length

/** Gains a second between two moments. */
export const rateOf = (times: readonly number[], from: number, to: number): number =>
  to > from ? (1000 * between(times, from, to)) / (to - from) : 0

/**
 * How long after a moment the rate is full again: the begin of the first stretch of `window` in which as much was done
 * as `share` of the full rate makes of it. Undefined where that never came.
 */
export const untilFull = (
  times: readonly number[],
  after: number,
  full: number,
  { window = 2_000, share = 0.9, step = 100 } = {},
): number | undefined => {
  const last = times.at(-1) ?? after
  for (let from = after; from + window <= last; from += step)
    if (between(times, from, from + window) >= (share * full * window) / 1000) return from - after
  return undefined
}

/** The longest stretch without any gain that begins or ends between two moments. */
export const standstill = (times: readonly number[], from: number, to: number): number => {
  const at = [from, ...times.filter((time) => time > from && time < to), times.find((time) => time >= to) ?? to]
  return Math.max(0, ...at.slice(1).map((time, i) => time - at[i]!))
}
