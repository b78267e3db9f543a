/** What the sides came to for one number of golds. */
import type { TokenQuery } from '../../cli/bench/raw.ts'
import { rate, total } from '../../cli/bench/window.ts'
import { rounded } from '../kafka/machine.ts'
import type { Alone } from './transformers.ts'
import type { Turn } from './turns.ts'

export interface SideRow {
  readonly passagesPerSecond: number
  /** One figure a turn. */
  readonly turns: readonly number[]
  /** Of a turn; null where the server is not ours to look at. */
  readonly serverCpuSeconds: number | null
}

export interface Row {
  readonly golds: number
  readonly queries: number
  /** Of one turn. */
  readonly passages: number
  readonly tokensPerPrompt: number
  readonly tokensPerGold: number
  readonly ceiling: SideRow
  readonly ours: SideRow
  readonly ratio: number
  readonly alone: readonly Alone[]
}

const mean = (some: readonly number[]) => some.reduce((a, b) => a + b, 0) / some.length

export const sideRow = (turns: readonly Turn[]): SideRow => {
  const cpu = turns.flatMap((turn) => turn.cpu ?? [])
  return {
    passagesPerSecond: rounded(rate(total(turns.map(({ window }) => window)))),
    turns: turns.map(({ window }) => rounded(rate(window))),
    serverCpuSeconds: cpu.length === turns.length ? rounded(mean(cpu), 1) : null,
  }
}

export const rowOf = (
  golds: number,
  tokens: readonly TokenQuery[],
  turns: Readonly<Record<'ceiling' | 'ours', readonly Turn[]>>,
  alone: readonly Alone[],
): Row => {
  const prompts = tokens.flatMap(({ passages }) => passages.map(({ length }) => length))
  const [ceiling, ours] = [sideRow(turns.ceiling), sideRow(turns.ours)]
  return {
    ...{ golds, queries: tokens.length, passages: prompts.length, tokensPerPrompt: rounded(mean(prompts), 1) },
    tokensPerGold: rounded(mean(tokens.flatMap((query) => query.golds.map(({ length }) => length))), 1),
    ...{ ceiling, ours, ratio: rounded(ours.passagesPerSecond / ceiling.passagesPerSecond, 3), alone },
  }
}

/** For people: the sides, then Transformers alone. */
export const print = (rows: readonly Row[]): void => {
  console.table(
    rows.map(({ golds, passages, tokensPerPrompt, tokensPerGold, ceiling, ours, ratio }) => ({
      ...{ golds, passages, 'tokens a prompt': tokensPerPrompt, 'tokens a gold': tokensPerGold },
      ...{ 'ceiling /s': ceiling.passagesPerSecond, 'ours /s': ours.passagesPerSecond, 'ours : ceiling': ratio },
      ...{ 'ceiling cpu s': ceiling.serverCpuSeconds, 'ours cpu s': ours.serverCpuSeconds },
    })),
  )
  const beside = rows.flatMap(({ golds, ours, alone }) =>
    alone.map((one) => ({ golds, ...one, 'ours : it': rounded(ours.passagesPerSecond / one.passagesPerSecond) })),
  )
  if (beside.length > 0) console.table(beside)
}
