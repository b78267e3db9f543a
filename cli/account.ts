/** What a run has done and cost, how fast it goes and how long it will take: pure figures out of its totals. */
import { minuteOf, recentMinutes } from '../runtime/totals.ts'
import type { RunEntry } from '../schemas/control.ts'
import type { Config } from './config.ts'
import type { RunState } from './runs.ts'

export interface Rate {
  readonly per_second: number
  /** Of what time it is the mean: the last one or two minutes; up to ten where little happens; all of it at the end. */
  readonly over_seconds: number
}

export interface Cost {
  readonly currency: string
  readonly total: number
  /** null: there is none yet. */
  readonly per_1000_labels: number | null
  readonly per_kept: number | null
}

export interface Account {
  readonly rate: Rate | null
  readonly seconds_left: number | null
  readonly calls: number
  readonly prompt_tokens: number
  readonly output_tokens: number
  readonly cache_hits: number
  readonly reader_seconds: number
  /** Passages whose gain was measured. */
  readonly labels: number
  /** null: no price is configured. */
  readonly cost: Cost | null
}

/** So few outcomes in a minute say little of how fast it goes. */
const few = 20

const rateSince = (recent: RunState['recent'], minutes: number, openedAt: number, now: number) => {
  const first = minuteOf(now) - minutes + 1
  const outcomes = Object.entries(recent).reduce((sum, [minute, n]) => (Number(minute) < first ? sum : sum + n), 0)
  const seconds = Math.max(1, (now - Math.max(openedAt, first * 60_000)) / 1000)
  return { outcomes, rate: { per_second: Math.max(0, outcomes) / seconds, over_seconds: seconds } }
}

const rateOf = ({ recent, done, complete, updated_at }: RunState, openedAt: number, now: number): Rate | null => {
  if (updated_at === 0) return null
  if (complete) {
    const seconds = Math.max(1, (updated_at - openedAt) / 1000)
    return { per_second: done / seconds, over_seconds: seconds }
  }
  const lately = rateSince(recent, 2, openedAt, now)
  return lately.outcomes >= few ? lately.rate : rateSince(recent, recentMinutes, openedAt, now).rate
}

const per = (total: number, n: number) => (n === 0 ? null : total / n)

/** @param now milliseconds since 1970 */
export const accountOf = (
  { count, opened_at }: Pick<RunEntry, 'count' | 'opened_at'>,
  state: RunState,
  price: Config['price'],
  now: number,
): Account => {
  const sum = (name: string) => Object.values(state.stages).reduce((all, { sums }) => all + (sums[name] ?? 0), 0)
  const { passages = 0, unscored = 0 } = state.stages.label?.sums ?? {}
  const rate = rateOf(state, opened_at, now)
  const left = count === null ? null : Math.max(0, count - state.done)
  const labels = passages - unscored
  const reader_seconds = sum('reader_seconds')
  const total = price.reader_hour === null ? null : (price.reader_hour * reader_seconds) / 3600
  return {
    rate,
    seconds_left: state.complete ? 0 : left === null || !rate || rate.per_second === 0 ? null : left / rate.per_second,
    ...{ calls: sum('calls'), prompt_tokens: sum('prompt_tokens'), output_tokens: sum('output_tokens') },
    ...{ cache_hits: sum('cache_hits'), reader_seconds, labels },
    cost: total === null ? null : {
      ...{ currency: price.currency, total, per_1000_labels: per(1000 * total, labels) },
      per_kept: per(total, state.outcomes.kept ?? 0),
    }, // prettier-ignore
  }
}
