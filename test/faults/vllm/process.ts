/** How the process of the pipeline was, from what it said of itself. */
import type { Target } from './ground.ts'
import type { Report } from './worker.ts'

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0)

const quarters = (reports: readonly Report[]): Report[][] => {
  const size = Math.ceil(reports.length / 4)
  return [0, 1, 2, 3].map((quarter) => reports.slice(quarter * size, (quarter + 1) * size))
}

/** Delay of the event loop, memory in each quarter of the work, and how often connections were used. */
export const processFigures = (reports: readonly Report[], servers: readonly Target[]) => {
  const all = reports.at(-1)!.settled
  const working = reports.filter(({ settled }) => settled > 0 && settled < all)
  const [rss, heap] = (['rss', 'heap'] as const).map((of) =>
    quarters(working).map((some) => mean(some.map((report) => report[of]))),
  ) as [number[], number[]]
  const { delay, busy } = reports.at(-1)!
  const [from, to] = [working[0]!, working.at(-1)!]
  const share = (100 * (to.cpu - from.cpu)) / Math.max(1, to.at - from.at)
  const rate = (1000 * (to.settled - from.settled)) / Math.max(1, to.at - from.at)
  const growth = rss[3]! / rss[1]! - 1 // the first quarter is when the heap finds its size
  return {
    remarks: [
      `${rate.toFixed(1)} queries/s at ${share.toFixed(0)} % of a core`,
      `event loop: p99 ${delay.p99.toFixed(1)} ms, max ${delay.max.toFixed(0)} ms; of its own computing between two looks p99 ${busy.p99.toFixed(1)} ms, max ${busy.max.toFixed(0)} ms`,
      `RSS by quarter ${rss.map(megabytes).join(', ')} MB; heap ${heap.map(megabytes).join(', ')} MB`,
      ...servers.map(
        ({ seen }) =>
          `${seen.requests} requests, ${seen.completions} of them completions, over ${seen.connections} connections`,
      ),
    ],
    wrong: [
      ...(busy.p99 < 50 ? [] : [`the event loop was held up: p99 ${busy.p99.toFixed(1)} ms of computing at once`]),
      ...(growth < 0.15 ? [] : [`memory grew by ${(100 * growth).toFixed(0)} % from the second quarter to the last`]),
    ],
  }
}
