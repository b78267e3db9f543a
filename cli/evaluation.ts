/** What an evaluation found: figures by condition and dataset, and conditions compared query by query. */
import { compareBySet, type Comparison, type ComparisonBySet } from '../method/paired.ts'
import type { Estimate } from '../runtime/totals.ts'
import { outcomesIn, type Outcomes, type Who } from './compare/outcomes.ts'
import { originsOf, remarksOn } from './compare/warnings.ts'
import { described, type Condition } from './conditions.ts'
import { datasetsOf, macroOf, microOf, scaled } from './report.ts'
import { settledBy, type RunState } from './runs.ts'
import type { World } from './world.ts'

export interface Evaluated {
  readonly condition: Condition
  readonly stream: string
  readonly state: RunState
}

type Figures = Readonly<Record<string, Estimate>>

/** What conditions are compared by. */
export const versusFigures = ['boundary_em', 'f1', 'hit', 'has_answer'] as const
export type VersusFigure = (typeof versusFigures)[number]

const gradesOf = ({ queries }: Outcomes, name: VersusFigure): Map<string, number> =>
  new Map([...queries].flatMap(([id, { grades }]) => (grades[name] === undefined ? [] : [[id, grades[name]]])))

export interface Versus {
  readonly condition: Condition
  readonly with: Condition
  /** Undefined where they graded no query in common. */
  readonly figures: Readonly<Record<VersusFigure, ComparisonBySet | undefined>>
}

const against = (ours: Outcomes, theirs: Outcomes): Versus['figures'] => {
  const datasetOf = (id: string) => (ours.queries.get(id) ?? theirs.queries.get(id))?.dataset ?? ''
  const of = (name: VersusFigure) => compareBySet(gradesOf(ours, name), gradesOf(theirs, name), datasetOf)
  return { boundary_em: of('boundary_em'), f1: of('f1'), hit: of('hit'), has_answer: of('has_answer') }
}

export interface Judged {
  /** Each condition against the first one. */
  readonly versus: readonly Versus[]
  /** Who chose and who answered, by condition. */
  readonly who: ReadonlyMap<Condition, Who>
  readonly warnings: readonly string[]
}

/** The conditions query by query, and what is to be known of those who chose and answered. */
export const judge = async (world: World, run: string, evaluated: readonly Evaluated[]): Promise<Judged> => {
  const [versus, warnings]: [Versus[], string[]] = [[], []]
  const who = new Map<Condition, Who>()
  let first: { condition: Condition; outcomes: Outcomes } | undefined
  for (const { condition, stream } of evaluated) {
    const outcomes = await outcomesIn(world, { stream, run })
    who.set(condition, { selectors: outcomes.selectors, readers: outcomes.readers })
    warnings.push(...remarksOn(described[condition], outcomes, await originsOf(world, outcomes)))
    if (first) versus.push({ condition, with: first.condition, figures: against(outcomes, first.outcomes) })
    else first = { condition, outcomes }
  }
  return { versus, who, warnings }
}

/** Shares of the queries that were answered; undefined where no passage was to be chosen. */
const shareOf = ({ condition, state: { stages } }: Evaluated, name: string): number | undefined => {
  const { counts = {}, sums = {} } = stages.evaluate ?? {}
  const answered = settledBy(counts)
  return condition === 'none' || answered === 0 ? undefined : (100 * (sums[name] ?? 0)) / answered
}

const allScaled = (figures: Figures) =>
  Object.fromEntries(Object.entries(figures).map(([name, estimate]) => [name, scaled(estimate)]))

const comparison = ({ n, won, lost, tied, difference, detectable, unmatched }: Comparison) => ({
  ...{ n, won, lost, tied, unmatched, difference: scaled(difference) },
  detectable: detectable === undefined ? null : 100 * detectable,
})

const compared = ({ micro, macro: { n, difference, detectable }, datasets }: ComparisonBySet) => ({
  ...comparison(micro),
  macro: { n, difference: scaled(difference), detectable: detectable === undefined ? null : 100 * detectable },
  datasets: Object.fromEntries(Object.entries(datasets).map(([name, of]) => [name, comparison(of)])),
})

/** For programs, ×100. */
export const asJson = (run: string, evaluated: readonly Evaluated[], { versus, who }: Judged) =>
  evaluated.map((each) => {
    const { condition, stream, state } = each
    const own = versus.find((one) => one.condition === condition)
    const found = Object.entries(own?.figures ?? {}).flatMap(([name, of]) => (of ? [[name, compared(of)]] : []))
    return {
      ...{ condition, described: described[condition], stream, run },
      ...{ outcomes: state.outcomes, rejected: state.rejected, ...who.get(condition) },
      macro: allScaled(macroOf(state)),
      micro: allScaled(microOf(state)),
      datasets: Object.fromEntries(Object.entries(datasetsOf(state)).map(([name, of]) => [name, allScaled(of)])),
      generated_chosen: shareOf(each, 'generated_chosen') ?? null,
      abstained: shareOf(each, 'abstained') ?? null,
      compared: own && {
        with: own.with,
        ...(Object.fromEntries(found) as Partial<Record<VersusFigure, ReturnType<typeof compared>>>),
      },
    }
  })
export type EvaluatedJson = ReturnType<typeof asJson>[number]

/** A sentence where the conditions did not grade the same number of queries. */
export const uneven = (evaluated: readonly Evaluated[]): string | undefined => {
  const counts = evaluated.map(({ condition, state }) => ({ condition, n: microOf(state).f1?.n ?? 0 }))
  if (new Set(counts.map(({ n }) => n)).size < 2) return undefined
  const listed = counts.map(({ condition, n }) => `${described[condition]} ${n}`).join(', ')
  return `The conditions were graded over different numbers of queries (${listed}): only the comparisons, which hold what both graded, are like for like.`
}

const live = { boundary_em: 'EM', f1: 'F1', hit: 'hit@1', has_answer: 'has answer' } as const

/** How a run stands so far, in one short line; empty before the first grade. */
export const liveFigures = (state: RunState): string => {
  const micro = microOf(state)
  return Object.entries(live)
    .flatMap(([name, title]) => {
      const found = micro[name]
      if (!found) return []
      const [mean, low, high] = [found.mean, found.low, found.high].map((value) => (100 * value).toFixed(1))
      return [`${title} ${mean} [${low}, ${high}]`]
    })
    .join(', ')
}
