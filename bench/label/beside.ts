/**
 * Do others wait for a query with many golds? Queries of one gold, one after the other: alone, beside another of one
 * gold, and beside one of twenty. A server with one thing more to do is slower: what counts is whether the last is much
 * worse than the second.
 */
import { quantile, worked, type Task } from '../../cli/bench/window.ts'
import { scoring } from '../../cli/bench/sides.ts'
import type { Scorer } from '../../method/ports.ts'
import { answering } from '../../method/prompt.ts'
import type { LabelQuery } from './queries.ts'
import type { BenchServer } from './server.ts'

export interface Beside {
  readonly beside: string
  readonly queries: number
  readonly p50: number
  readonly max: number
}

const never = new AbortController().signal

/** Over and over until the others are done. */
const company = (tasks: readonly Task[]) => {
  let over = false
  const going = (async () => {
    for (let i = 0; !over && tasks.length > 0; i++) await tasks[i % tasks.length]!.run()
  })()
  return async () => {
    over = true
    await going
  }
}

/** Latencies in seconds. The others are of one gold and of twenty. */
export const heldUp = async (
  server: BenchServer,
  scorer: Scorer,
  one: readonly LabelQuery[],
  twenty: readonly LabelQuery[],
): Promise<Beside[]> => {
  const side = scoring(scorer, answering)
  const half = one.length >> 1
  const [few, others, many] = await Promise.all([one.slice(0, half), one.slice(half), twenty].map((some) => side(some, never))) // prettier-ignore
  const rows: Beside[] = []
  for (const [beside, tasks] of [
    ['nothing', []],
    ['one gold', others!],
    ['twenty golds', many!],
  ] as const) {
    await server.forget()
    const leave = company(tasks)
    const { latencies } = await worked(few!, 1)
    await leave()
    rows.push({ beside, queries: half, p50: quantile(latencies, 0.5), max: Math.max(...latencies) })
  }
  return rows
}
