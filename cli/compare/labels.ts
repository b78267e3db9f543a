/** The labels of two runs over the same queries: two readers, or the same one under another α or measure. */
import type { Measure } from '../../method/gain.ts'
import { measureOf } from '../../method/gain.ts'
import { compareBySet } from '../../method/paired.ts'
import { labelFigures, labelPair, type LabelPair } from '../../method/quality.ts'
import { overall } from '../../method/statistics.ts'
import type { Gains } from '../../schemas/gains.ts'
import { gains } from '../../topics/index.ts'
import { scaled } from '../report.ts'
import type { World } from '../world.ts'
import { newest } from './newest.ts'
import type { Place } from './sides.ts'

/** A run whose gains are ranked by a measure: their own where none is given. */
export interface Labelled extends Place {
  readonly measure?: Measure | undefined
}

interface Kept {
  readonly question: string
  readonly dataset: string
  readonly gains: Gains['gains']
  readonly measure: Measure
  readonly titles: ReadonlyMap<string, { title: string; source: string; rank: number }>
  readonly hit: boolean | undefined
}

/** Without the texts: those of many queries would not fit. */
const keptOf = (record: Gains, measure: Measure = measureOf(record)): Kept => ({
  ...{ question: record.query.question, dataset: record.query.dataset, gains: record.gains, measure },
  titles: new Map(record.passages.map(({ id, title, source, rank }) => [id, { title, source, rank }])),
  hit: labelFigures(record, measure)?.hit,
})

const read = async (world: World, { measure, ...place }: Labelled) => {
  const found = new Map<string, Kept>()
  for await (const record of newest(world, place, gains)) found.set(record.query.id, keptOf(record, measure))
  return found
}

interface Paired extends LabelPair {
  readonly id: string
  readonly a: Kept
  readonly b: Kept
}

const pairsOf = (a: ReadonlyMap<string, Kept>, b: ReadonlyMap<string, Kept>): Paired[] =>
  [...a].flatMap(([id, ours]) => {
    const theirs = b.get(id)
    const pair = theirs && labelPair(ours, theirs, [ours.measure, theirs.measure])
    return theirs && pair ? [{ id, a: ours, b: theirs, ...pair }] : []
  })

/** Mean of a figure over all queries and by dataset, ×100; null where none has it. */
const figure = (pairs: readonly Paired[], of: (pair: Paired) => number | undefined) => {
  const values = Map.groupBy(pairs, ({ a }) => a.dataset)
  const found = overall(new Map([...values].map(([set, own]) => [set, own.flatMap((pair) => of(pair) ?? [])])))
  if (!found) return null
  const datasets = Object.entries(found.datasets).map(([name, each]) => [name, scaled(each)] as const)
  return { micro: scaled(found.micro), macro: scaled(found.macro), datasets: Object.fromEntries(datasets) }
}

const hitsOf = (pairs: readonly Paired[]) => {
  const of = (kept: (pair: Paired) => Kept) =>
    new Map(pairs.flatMap((pair) => (kept(pair).hit === undefined ? [] : [[pair.id, Number(kept(pair).hit)]])))
  const datasets = new Map(pairs.map(({ id, a }) => [id, a.dataset]))
  const [a, b] = [of((pair) => pair.a), of((pair) => pair.b)]
  const found = compareBySet(b, a, (id) => datasets.get(id) ?? '')
  if (!found) return null
  const mean = (grades: ReadonlyMap<string, number>) =>
    (100 * [...grades.values()].reduce((sum, grade) => sum + grade, 0)) / grades.size
  const { n, won, lost, tied, difference, detectable } = found.micro
  return { n, a: mean(a), b: mean(b), won, lost, tied, difference: scaled(difference), detectable: detectable === undefined ? null : 100 * detectable } // prettier-ignore
}

const nllOf = ({ gains: all, measure }: Kept, id: string): number | null => {
  const gain = all.find(({ passage_id }) => passage_id === id)
  return (measure === 'plain' ? gain?.plain_mean_nll : gain?.mean_nll) ?? null
}

const choiceOf = (kept: Kept, id: string) => ({
  ...{ id, title: '', source: '', rank: 0, ...kept.titles.get(id), mean_nll: nllOf(kept, id) },
})

/** How much the first choice changed in the eyes of A: nats that B's passage costs more than A's own. */
const lossOf = ({ a, first }: Paired): number => (nllOf(a, first[1]) ?? 0) - (nllOf(a, first[0]) ?? 0)

const changedIn = (pairs: readonly Paired[]) =>
  pairs
    .filter(({ sameFirst }) => !sameFirst)
    .sort((x, y) => lossOf(y) - lossOf(x) || (x.id < y.id ? -1 : 1))
    .map(({ id, a, b, first }) => ({
      ...{ id, dataset: a.dataset, question: a.question, nats: lossOf({ id, a, b, first } as Paired) },
      ...{ a: choiceOf(a, first[0]), b: choiceOf(b, first[1]) },
    }))

/** `limit` of the queries whose first passage is another one are listed, the costliest first. */
export const compareLabels = async (world: World, a: Labelled, b: Labelled, limit: number) => {
  const [ours, theirs] = [await read(world, a), await read(world, b)]
  const pairs = pairsOf(ours, theirs)
  const changed = changedIn(pairs)
  const generated = (kept: Kept, id: string) => Number(kept.titles.get(id)?.source === 'generated')
  return {
    ...{ a: { ...a, queries: ours.size }, b: { ...b, queries: theirs.size }, both: pairs.length },
    changed_first: figure(pairs, ({ sameFirst }) => Number(!sameFirst)),
    spearman: figure(pairs, ({ spearman }) => spearman),
    generated_wins: {
      a: figure(pairs, (pair) => generated(pair.a, pair.first[0])),
      b: figure(pairs, (pair) => generated(pair.b, pair.first[1])),
    },
    hit: hitsOf(pairs),
    ...{ changed: changed.length, listed: changed.slice(0, limit) },
    alarms: alarmsOf(pairs),
  }
}
export type LabelComparison = Awaited<ReturnType<typeof compareLabels>>

/** Two readers that choose otherwise more often than not teach different things. */
const least = 0.5
const alarmsOf = (pairs: readonly Paired[]): string[] => {
  if (pairs.length === 0) return ['the runs have no query with two scored passages in common']
  const same = pairs.filter(({ sameFirst }) => sameFirst).length / pairs.length
  return same >= least
    ? []
    : [
        `both choose the same passage in ${(100 * same).toFixed(1)} % of the queries only: what is taught depends on who measures`,
      ]
}
