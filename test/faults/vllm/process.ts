/** How the process of the pipeline was, from what it said of itself. */
import type { Target } from './ground.ts'
import type { Report } from './worker.ts'

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0)

/** Delay of the event loop, memory in the first and the last quarter of the work, and how often connections were used. */
export const processFigures = (reports: readonly Report[], servers: readonly Target[]) => {
  const working = reports.filter(({ settled }, i) => settled > 0 && settled < (reports.at(-1)?.settled ?? 0) && i > 0)
  const quarter = Math.ceil(working.length / 4)
  const [first, last] = [working.slice(0, quarter), working.slice(-quarter)].map((some) => ({
    rss: mean(some.map(({ rss }) => rss)),
    heap: mean(some.map(({ heap }) => heap)),
  })) as [Record<'rss' | 'heap', number>, Record<'rss' | 'heap', number>]
  const { delay, cpu } = reports.at(-1)!
  const took = (working.at(-1)?.at ?? 0) - (working[0]?.at ?? 0)
  const reuse = servers.map(({ seen }) => `${seen.completions} completions over ${seen.connections} connections`)
  const growth = last.rss / first.rss - 1
  return {
    remarks: [
      `event loop: p99 ${delay.p99.toFixed(1)} ms, max ${delay.max.toFixed(0)} ms; ${((100 * cpu) / Math.max(1, took)).toFixed(0)} % of a core`,
      `RSS ${megabytes(first.rss)} MB in the first quarter, ${megabytes(last.rss)} MB in the last; heap ${megabytes(first.heap)} and ${megabytes(last.heap)} MB`,
      ...reuse,
    ],
    wrong: [
      ...(delay.p99 < 50 ? [] : [`the event loop was held up: p99 ${delay.p99.toFixed(1)} ms`]),
      ...(growth < 0.2 ? [] : [`memory grew by ${(100 * growth).toFixed(0)} %`]),
    ],
  }
}
