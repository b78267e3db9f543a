/** Work done a few at a time, and how long it took. */

export interface Window {
  readonly passages: number
  readonly seconds: number
  /** Seconds of each query, in the order in which they were begun. */
  readonly latencies: readonly number[]
}

/** One query. */
export interface Task {
  readonly passages: number
  readonly run: () => Promise<void>
}

/** `atOnce` under way at a time, until all are done or the time (of `performance.now()`) is over. */
export const worked = async (tasks: readonly Task[], atOnce: number, until = Infinity): Promise<Window> => {
  const latencies: number[] = []
  let next = 0
  let passages = 0
  const worker = async () => {
    while (next < tasks.length && (next < atOnce || performance.now() < until)) {
      const i = next++
      const from = performance.now()
      await tasks[i]!.run()
      latencies[i] = (performance.now() - from) / 1000
      passages += tasks[i]!.passages
    }
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: Math.min(atOnce, tasks.length) }, worker))
  return { passages, seconds: (performance.now() - began) / 1000, latencies }
}

/** Several windows as one. */
export const total = (windows: readonly Window[]): Window => ({
  passages: windows.reduce((sum, { passages }) => sum + passages, 0),
  seconds: windows.reduce((sum, { seconds }) => sum + seconds, 0),
  latencies: windows.flatMap(({ latencies }) => latencies),
})

/** Passages a second. */
export const rate = ({ passages, seconds }: Window): number => passages / seconds

export const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? NaN
