/** Two runs over the same queries: B against A. */
import { compareBySet, type Comparison, type ComparisonBySet } from '../../method/paired.ts'
import { scaled } from '../report.ts'
import { compared, type Chosen, type Compared, type Outcome, type Outcomes } from './outcomes.ts'
import type { Origin } from './warnings.ts'

const gradesOf = ({ queries }: Outcomes, name: Compared): Map<string, number> =>
  new Map([...queries].flatMap(([id, { grades }]) => (grades[name] === undefined ? [] : [[id, grades[name]]])))

/** Means over what both graded, ×100. */
const meansOf = (ids: readonly string[], a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>) => {
  const mean = (grades: ReadonlyMap<string, number>) =>
    (100 * ids.reduce((sum, id) => sum + grades.get(id)!, 0)) / ids.length
  return { a: mean(a), b: mean(b) }
}

const percent = (value: number | undefined) => (value === undefined ? null : 100 * value)

const row = ({ n, won, lost, tied, difference, detectable }: Comparison) => ({
  ...{ n, won, lost, tied, difference: scaled(difference), detectable: percent(detectable) },
})

/** One figure by scope, ×100; unmatched: graded in one run only. */
const figureOf = (a: Outcomes, b: Outcomes, name: Compared) => {
  const [ours, theirs] = [gradesOf(b, name), gradesOf(a, name)]
  const datasetOf = (id: string) => b.queries.get(id)?.dataset ?? a.queries.get(id)?.dataset ?? ''
  const found: ComparisonBySet | undefined = compareBySet(ours, theirs, datasetOf)
  if (!found) return null
  const common = [...ours.keys()].filter((id) => theirs.has(id))
  const sets = Map.groupBy(common, datasetOf)
  const datasets = Object.entries(found.datasets).map(([set, of]) => [
    set,
    { ...meansOf(sets.get(set)!, theirs, ours), ...row(of) },
  ])
  const means = [...sets.values()].map((ids) => meansOf(ids, theirs, ours))
  const average = (of: (one: { a: number; b: number }) => number) =>
    means.reduce((sum, one) => sum + of(one), 0) / means.length
  const { n, difference, detectable } = found.macro
  return {
    micro: { ...meansOf(common, theirs, ours), ...row(found.micro) },
    macro: {
      ...{ a: average(({ a }) => a), b: average(({ b }) => b), n },
      ...{ difference: scaled(difference), detectable: percent(detectable) },
    },
    datasets: Object.fromEntries(datasets) as Record<string, { a: number; b: number } & ReturnType<typeof row>>,
    unmatched: { a: found.micro.unmatched.theirs, b: found.micro.unmatched.ours },
  }
}
export type Figures = NonNullable<ReturnType<typeof figureOf>>

interface SideOf {
  readonly chosen: Chosen | null
  readonly prediction: string | null
  readonly grades: Outcome['grades']
}

/** A query that came out otherwise. */
export interface Changed {
  readonly id: string
  readonly dataset: string
  readonly question: string
  readonly a: SideOf
  readonly b: SideOf
}

const sideOf = ({ chosen, prediction, grades }: Outcome): SideOf => ({ chosen, prediction, grades })

/** Of the grade that says most: how well it was answered, or else what was chosen. */
const shiftOf = ({ a, b }: Changed): number => {
  const names: Compared[] = ['f1', 'boundary_em', 'hit', 'has_answer']
  const shifts = names.flatMap((name) => {
    const [from, to] = [a.grades[name], b.grades[name]]
    return from === undefined || to === undefined || from === to ? [] : [to - from]
  })
  return shifts[0] ?? 0
}

/** Largest change first, and of equal ones what was lost before what was won. */
const changedIn = (a: Outcomes, b: Outcomes): Changed[] => {
  const all = [...a.queries.values()].flatMap((from) => {
    const to = b.queries.get(from.id)
    if (!to) return []
    const other = from.chosen?.id !== to.chosen?.id || compared.some((name) => from.grades[name] !== to.grades[name])
    const { id, dataset, question } = from
    return other ? [{ id, dataset, question, a: sideOf(from), b: sideOf(to) }] : []
  })
  const keyed = all.map((one) => ({ one, shift: shiftOf(one) }))
  keyed.sort((x, y) => Math.abs(y.shift) - Math.abs(x.shift) || x.shift - y.shift || (x.one.id < y.one.id ? -1 : 1))
  return keyed.map(({ one }) => one)
}

export interface Party {
  readonly outcomes: Outcomes
  readonly origins: readonly Origin[]
}

const partyOf = ({ outcomes: { stream, run, selectors, readers, queries }, origins }: Party) => ({
  ...{ stream, run, queries: queries.size, selectors, readers, origins },
})

/** All that is known of two runs; `limit` queries of those that changed are listed. */
export const compareOutcomes = (a: Party, b: Party, remarks: readonly string[], limit: number) => {
  const [of, to] = [a.outcomes, b.outcomes]
  const both = [...of.queries.keys()].filter((id) => to.queries.has(id))
  const changed = changedIn(of, to)
  const same = both.filter((id) => of.queries.get(id)?.chosen?.id === to.queries.get(id)?.chosen?.id).length
  const figures = Object.fromEntries(compared.map((name) => [name, figureOf(of, to, name)]))
  return {
    ...{ a: partyOf(a), b: partyOf(b), warnings: remarks },
    queries: {
      ...{ both: both.length, only_a: of.queries.size - both.length, only_b: to.queries.size - both.length },
      ...{ same_passage: same, changed: changed.length },
    },
    figures: figures as Record<Compared, Figures | null>,
    changed: changed.slice(0, limit),
  }
}
export type Compare = ReturnType<typeof compareOutcomes>
