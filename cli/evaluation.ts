/** What an evaluation found: figures by condition and dataset, and conditions compared query by query. */
import { compareRuns, type Comparison } from '../method/paired.ts'
import { names } from '../runtime/topic.ts'
import type { Estimate } from '../runtime/totals.ts'
import { metrics } from '../topics/index.ts'
import { described, type Condition } from './conditions.ts'
import { datasetsOf, macroOf, microOf, scaled, shown, table } from './report.ts'
import { settledBy, type RunState } from './runs.ts'
import type { World } from './world.ts'

export interface Evaluated {
  readonly condition: Condition
  readonly stream: string
  readonly state: RunState
}

type Figures = Readonly<Record<string, Estimate>>

/** What conditions are compared by. */
const compared = ['boundary_em', 'f1'] as const
type Compared = (typeof compared)[number]
type Grades = Readonly<Record<Compared, ReadonlyMap<string, number>>>

/** Grades of a run by query id, as its stream has them last. */
const gradesOf = async ({ log, codec, config }: World, stream: string, run: string): Promise<Grades> => {
  const grades = { boundary_em: new Map<string, number>(), f1: new Map<string, number>() }
  for await (const { key, value } of log.read(names(config.prefix, stream).topic(metrics))) {
    if (value === null || !key?.toString().startsWith(`${run}/`)) continue
    const metric = await codec.decode(metrics, value)
    for (const name of compared) {
      const grade = metric[name]
      if (grade === null) grades[name].delete(metric.query_id)
      else grades[name].set(metric.query_id, grade)
    }
  }
  return grades
}

export interface Versus {
  readonly condition: Condition
  readonly with: Condition
  /** Undefined where they graded no query in common. */
  readonly figures: Readonly<Record<Compared, Comparison | undefined>>
}

/** Each condition against the first one. */
export const versusFirst = async (world: World, run: string, evaluated: readonly Evaluated[]): Promise<Versus[]> => {
  const [first, ...others] = evaluated
  if (!first || others.length === 0) return []
  const theirs = await gradesOf(world, first.stream, run)
  const found: Versus[] = []
  for (const { condition, stream } of others) {
    const ours = await gradesOf(world, stream, run)
    const of = (name: Compared) => compareRuns(ours[name], theirs[name])
    found.push({ condition, with: first.condition, figures: { boundary_em: of('boundary_em'), f1: of('f1') } })
  }
  return found
}

/** Between 0 and 1; undefined where no passage was to be chosen. */
const generatedChosen = ({ condition, state: { stages } }: Evaluated): number | undefined => {
  const { counts = {}, sums = {} } = stages.evaluate ?? {}
  const answered = settledBy(counts)
  return condition === 'none' || answered === 0 ? undefined : (sums.generated_chosen ?? 0) / answered
}

const allScaled = (figures: Figures) =>
  Object.fromEntries(Object.entries(figures).map(([name, estimate]) => [name, scaled(estimate)]))

const comparison = ({ n, won, lost, tied, difference, detectable, unmatched }: Comparison) => ({
  ...{ n, won, lost, tied, unmatched, difference: scaled(difference) },
  detectable: detectable === undefined ? null : 100 * detectable,
})

/** For programs, ×100. */
export const asJson = (run: string, evaluated: readonly Evaluated[], versus: readonly Versus[]) =>
  evaluated.map((each) => {
    const { condition, stream, state } = each
    const share = generatedChosen(each)
    const own = versus.find((one) => one.condition === condition)
    return {
      ...{ condition, stream, run, outcomes: state.outcomes, rejected: state.rejected },
      macro: allScaled(macroOf(state)),
      micro: allScaled(microOf(state)),
      datasets: Object.fromEntries(Object.entries(datasetsOf(state)).map(([name, of]) => [name, allScaled(of)])),
      generated_chosen: share === undefined ? null : 100 * share,
      compared: own && {
        with: own.with,
        boundary_em: own.figures.boundary_em && comparison(own.figures.boundary_em),
        f1: own.figures.f1 && comparison(own.figures.f1),
      },
    }
  })

/** Figures by scope: where there is only one dataset, every mean over all is its own. */
const scopesOf = (state: RunState): [scope: string, figures: Figures][] => {
  const datasets = Object.entries(datasetsOf(state)).sort(([a], [b]) => (a < b ? -1 : 1))
  if (datasets.length < 2) return datasets
  return [['macro', macroOf(state)], ['micro', microOf(state)], ...datasets]
}

const rowsOf = (
  evaluated: readonly Evaluated[],
  cells: (figures: Figures, first: boolean, of: Evaluated) => string[],
) =>
  evaluated.flatMap((each) =>
    scopesOf(each.state).map(([scope, figures], i) => [
      i === 0 ? described[each.condition] : '',
      scope,
      ...cells(figures, i === 0, each),
    ]),
  )

const answersTable = (evaluated: readonly Evaluated[]): string => {
  const columns = ['strict_em', 'boundary_em', 'containment_em', 'f1']
  const rows = rowsOf(evaluated, (figures) => [
    String(figures.f1?.n ?? 0),
    ...columns.map((name) => shown(figures[name])),
  ])
  return table([['answers', '', 'n', 'strict EM', 'boundary EM', 'containment EM', 'F1'], ...rows])
}

const passagesTable = (evaluated: readonly Evaluated[]): string => {
  const rows = rowsOf(evaluated, (figures, first, of) => {
    const share = generatedChosen(of)
    const figured = ['has_answer', 'oracle', 'hit'].map((name) => shown(figures[name]))
    return [...figured, first ? (share === undefined ? '-' : (100 * share).toFixed(1)) : '']
  })
  return table([['passages', '', 'has answer', 'oracle', 'hit@1', 'generated chosen'], ...rows])
}

const titles: Record<Compared, string> = { boundary_em: 'boundary EM', f1: 'F1' }

const versusTable = (versus: readonly Versus[]): string => {
  const rows = versus.flatMap(({ condition, figures }) =>
    compared.map((name) => {
      const found = figures[name]
      const { n = 0, won = 0, lost = 0, tied = 0, detectable } = found ?? {}
      const least = detectable === undefined ? '-' : (100 * detectable).toFixed(1)
      return [described[condition], titles[name], ...[n, won, lost, tied].map(String), shown(found?.difference), least]
    }),
  )
  const against = versus[0] ? described[versus[0].with] : ''
  return table([[`against ${against}`, '', 'n', 'won', 'lost', 'tied', 'difference', 'detectable'], ...rows])
}

/** A sentence where the conditions did not grade the same number of queries. */
export const uneven = (evaluated: readonly Evaluated[]): string | undefined => {
  const counts = evaluated.map(({ condition, state }) => ({ condition, n: microOf(state).f1?.n ?? 0 }))
  if (new Set(counts.map(({ n }) => n)).size < 2) return undefined
  const listed = counts.map(({ condition, n }) => `${described[condition]} ${n}`).join(', ')
  return `The conditions were graded over different numbers of queries (${listed}): only the comparisons, which hold what both graded, are like for like.`
}

/** For people, ×100. */
export const asText = (evaluated: readonly Evaluated[], versus: readonly Versus[]): string => {
  const remark = uneven(evaluated)
  return [
    answersTable(evaluated),
    passagesTable(evaluated),
    ...(versus.length > 0 ? [versusTable(versus)] : []),
    [
      '(×100, with 95 % bootstrap intervals; macro: the mean of the datasets, micro: all queries alike;',
      ' oracle: some candidate has the answer; detectable: the least difference that so many queries could show)',
      ...(remark === undefined ? [] : [remark]),
    ].join('\n'),
  ].join('\n\n')
}
