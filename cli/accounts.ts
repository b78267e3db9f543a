/** Runs with their accounts, for programs and for people. */
import type { RunEntry } from '../schemas/control.ts'
import { accountOf, type Account, type Cost } from './account.ts'
import { duration, rateOf } from './progress.ts'
import { recount, type Recount } from './recount.ts'
import { table } from './report.ts'
import { outcomesOf, statesOf, type RunState } from './runs.ts'
import type { World } from './world.ts'

type Stages = Readonly<Record<string, { counts: RunState['outcomes']; sums: RunState['outcomes'] }>>

export interface Row extends RunEntry, Account, Pick<RunState, 'done' | 'complete' | 'outcomes' | 'rejected'> {
  readonly stages: Stages
  readonly recount?: Recount
}

/** Entries of any streams with what their totals say; each stream's totals are read once. */
export const accountsOf = async (world: World, entries: readonly RunEntry[], exactly = false): Promise<Row[]> => {
  const rows = new Map<RunEntry, Row>()
  for (const [stream, own] of Map.groupBy(entries, (entry) => entry.stream)) {
    const there = world.as({ ...world.config, stream })
    const states = await statesOf(there, own)
    for (const entry of own) {
      const state = states.get(entry.run)!
      const { done, complete, outcomes, rejected } = state
      const stages = Object.fromEntries(
        Object.entries(state.stages).map(([name, { counts, sums }]) => [name, { counts, sums }]),
      )
      const account = accountOf(entry, state, world.config.price, world.now())
      const exact = exactly && { recount: await recount(there, entry) }
      rows.set(entry, { ...entry, done, complete, outcomes, rejected, ...account, stages, ...exact })
    }
  }
  return entries.map((entry) => rows.get(entry)!)
}

const money = (amount: number | null, currency: string) =>
  amount === null ? '-' : `${amount.toFixed(amount < 1 ? 4 : 2)} ${currency}`

const costCells = (cost: Cost | null) =>
  cost === null
    ? ['-', '-', '-']
    : [cost.total, cost.per_1000_labels, cost.per_kept].map((amount) => money(amount, cost.currency))

const queriesOf = ({ done, count }: Row) => (count === null ? `${done} (open)` : `${done}/${count}`)
const paceOf = ({ rate }: Row) => (rate ? rateOf(rate.per_second) : '-')
const leftOf = ({ complete, seconds_left }: Row) =>
  complete ? 'complete' : seconds_left === null ? '-' : duration(seconds_left)

/** One line a run. What it cost stands there where a price is configured. */
export const asTable = (rows: readonly Row[]): string => {
  const priced = rows.some(({ cost }) => cost !== null)
  const exactly = rows.some((row) => row.recount)
  const head = ['run', 'topology', 'queries', 'rate', 'left', 'outcomes', ...(exactly ? ['recounted'] : [])]
  const cells = rows.map((row) => [
    ...[`${row.stream}/${row.run}`, row.topology, queriesOf(row), paceOf(row), leftOf(row)],
    outcomesOf(row.outcomes, row.rejected),
    ...(exactly ? [row.recount ? outcomesOf(row.recount.outcomes, row.recount.rejected) : ''] : []),
    ...[String(row.calls), String(row.prompt_tokens + row.output_tokens), String(row.cache_hits)],
    ...[duration(row.reader_seconds), ...(priced ? costCells(row.cost) : [])],
  ])
  const spent = ['calls', 'tokens', 'cached', 'reader', ...(priced ? ['cost', 'per 1000 labels', 'per kept'] : [])]
  return table([[...head, ...spent], ...cells])
}

const stageTable = (stages: Stages) => {
  const rows = Object.entries(stages).map(([name, { counts, sums }]) => {
    const { calls = 0, prompt_tokens = 0, output_tokens = 0, cache_hits = 0, reader_seconds = 0 } = sums
    const own = Object.entries(counts)
      .filter(([, n]) => n !== 0)
      .sort(([a], [b]) => (a < b ? -1 : 1))
    const figures = [calls, prompt_tokens, output_tokens, cache_hits].map(String)
    return [name, ...figures, duration(reader_seconds), own.map(([outcome, n]) => `${outcome} ${n}`).join(', ')]
  })
  return table([['stage', 'calls', 'prompt tokens', 'output tokens', 'cached', 'reader', 'outcomes'], ...rows])
}

const moment = (at: number | null) => (at === null ? '-' : new Date(at).toISOString())

/** Everything about one run. */
export const asDetail = (row: Row): string => {
  const { rate, cost, recount: exact } = row
  const lines: [string, string][] = [
    ['run', `${row.stream}/${row.run} (${row.topology})`],
    ['opened', moment(row.opened_at)],
    ['closed', moment(row.closed_at)],
    ['queries', queriesOf(row)],
    ['state', row.complete ? 'complete' : row.count === null ? 'open' : 'under way'],
    ['rate', rate ? `${rateOf(rate.per_second)} over ${duration(rate.over_seconds)}` : '-'],
    ['left', leftOf(row)],
    ['outcomes', outcomesOf(row.outcomes, row.rejected)],
    ...(exact ? [['recounted', outcomesOf(exact.outcomes, exact.rejected)] as [string, string]] : []),
    ['labels', String(row.labels)],
    ['reader', duration(row.reader_seconds)],
    ['cost', cost === null ? 'set price.reader_hour to know' : money(cost.total, cost.currency)],
    ...(cost
      ? [
          ['per 1000 labels', money(cost.per_1000_labels, cost.currency)] as [string, string],
          ['per kept sample', money(cost.per_kept, cost.currency)] as [string, string],
        ]
      : []),
  ]
  return `${table([['', ''], ...lines]).trimStart()}\n\n${stageTable(row.stages)}`
}
