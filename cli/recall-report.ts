/** What a measured recall says: figures with intervals for programs and for people, and what was not found. */
import { overall, type Interval, type Overall } from '../method/statistics.ts'
import { withinFirst } from '../method/recall.ts'
import { rankings, type Places, type Recalled } from './recall.ts'
import { chosenJson, chosenText, rowsOf } from './recall-selected.ts'
import { harmless, scaled, shown, table } from './report.ts'

type Ranking = (typeof rankings)[number]
type Kind = keyof Places

/** What can be graded, and in which queries. */
const kinds = {
  gold: {
    title: 'a gold passage',
    name: 'gold_recall',
    graded: ({ query }: Recalled) => query.gold_passage_ids.length > 0,
  },
  answer: { title: 'an answer', name: 'has_answer', graded: ({ query }: Recalled) => query.answers.length > 0 },
}
const kindNames = Object.keys(kinds) as Kind[]

type Figures = Readonly<Record<Ranking, readonly (readonly [k: number, of: Overall])[]>>

const figuresOf = (all: readonly Recalled[], kind: Kind, ks: readonly number[]): Figures | undefined => {
  const graded = all.filter(kinds[kind].graded)
  if (graded.length === 0) return undefined
  const byDataset = Map.groupBy(graded, ({ query }) => query.dataset)
  const at = (ranking: Ranking, k: number) =>
    overall(new Map([...byDataset].map(([name, of]) => [name, of.map(({ places }) => withinFirst(k, places[ranking][kind]))])))! // prettier-ignore
  return Object.fromEntries(
    rankings.map((ranking) => [ranking, ks.map((k) => [k, at(ranking, k)] as const)]),
  ) as unknown as Figures
}

/** Queries of which a ranking found no gold passage. */
const missedBy = (all: readonly Recalled[], missed: (places: Recalled['places']) => boolean) =>
  all.filter((one) => kinds.gold.graded(one) && missed(one.places))

export const missing = (all: readonly Recalled[]): Recalled[] =>
  missedBy(all, (places) => rankings.some((ranking) => places[ranking].gold === null))

/** One line of the file of what is missing: places count from 1, null is not among the deepest looked at. */
export const missingLine = ({ query, places }: Recalled, absent: ReadonlySet<string> | undefined): string =>
  JSON.stringify({
    ...{ id: query.id, dataset: query.dataset, question: query.question, gold_passage_ids: query.gold_passage_ids },
    absent: absent ? query.gold_passage_ids.filter((id) => absent.has(id)) : null,
    ...Object.fromEntries(rankings.map((ranking) => [ranking, places[ranking].gold])),
  })

export interface Report {
  readonly all: readonly Recalled[]
  readonly ks: readonly number[]
  readonly collection: string
  readonly passages: number
  readonly absent: { readonly absent: ReadonlySet<string>; readonly golds: number } | undefined
  /** Selectors that were asked, and how many candidates they had. */
  readonly selected?: { readonly names: readonly string[]; readonly candidates: number } | undefined
}

const selectedRows = ({ all, selected }: Report) =>
  selected ? rowsOf(all.flatMap((one) => one.chosen ?? []), selected.names) : [] // prettier-ignore

/** By each ranking, and by all of them. */
const missedCounts = (all: readonly Recalled[]): Record<string, number> => ({
  ...Object.fromEntries(
    rankings.map((ranking) => [ranking, missedBy(all, (places) => places[ranking].gold === null).length]),
  ),
  by_all: missedBy(all, (places) => rankings.every((ranking) => places[ranking].gold === null)).length,
})

type Scopes = readonly (readonly [name: string, of: (overall: Overall) => Interval])[]

const scopesOf = (figures: Figures): Scopes => [
  ...Object.keys(figures.dense[0]![1].datasets).map((name) => [name, (of: Overall) => of.datasets[name]!] as const),
  ['macro', ({ macro }) => macro],
  ['micro', ({ micro }) => micro],
]

const forPrograms = (figures: Figures) => {
  const at = (of: (overall: Overall) => Interval) =>
    Object.fromEntries(
      rankings.map((ranking) => [
        ranking,
        Object.fromEntries(figures[ranking].map(([k, figure]) => [k, scaled(of(figure))])),
      ]),
    )
  const scopes = scopesOf(figures).map(([name, of]) => [name, at(of)] as const)
  const [micro, macro] = [scopes.at(-1)![1], scopes.at(-2)![1]]
  return { macro, micro, datasets: Object.fromEntries(scopes.slice(0, -2)) }
}

export const asJson = (report: Report) => ({
  ...found(report),
  ...(report.selected
    ? { selected: { candidates: report.selected.candidates, rows: chosenJson(selectedRows(report)) } }
    : {}),
})

const found = ({ all, ks, collection, passages, absent }: Report) => ({
  ...{ collection, passages, queries: all.length, k: ks },
  ...Object.fromEntries(
    kindNames.map((kind) => {
      const figures = figuresOf(all, kind, ks)
      return [kinds[kind].name, figures ? forPrograms(figures) : null]
    }),
  ),
  missing: { beyond: ks.at(-1), queries: missedCounts(all) },
  absent_golds: absent ? { golds: absent.golds, absent: absent.absent.size } : null,
})

/** So many columns of figures fit into 100 characters. */
const perTable = 4

/** Names of datasets stand above their rows, so that they make no column wide. */
const forPeople = (figures: Figures, ks: readonly number[]): string => {
  const scopes = scopesOf(figures)
  const rows = scopes.flatMap(([, of]) =>
    rankings.map((ranking) => [
      `  ${ranking}`,
      ...figures[ranking].filter(([k]) => ks.includes(k)).map(([, figure]) => shown(of(figure))),
    ]),
  )
  const [head = '', ...lines] = table([['', ...ks.map((k) => `@${k}`)], ...rows]).split('\n')
  const named = scopes.flatMap(([name, of], i) => {
    const heading = `${name === '' ? '(no dataset)' : harmless(name)} (${of(figures.dense[0]![1]).n})`
    return [heading, ...lines.slice(i * rankings.length, (i + 1) * rankings.length)]
  })
  return [head, ...named].join('\n')
}

const tables = (all: readonly Recalled[], ks: readonly number[]) =>
  kindNames.flatMap((kind) => {
    const figures = figuresOf(all, kind, ks)
    if (!figures) return []
    const parts = Array.from({ length: Math.ceil(ks.length / perTable) }, (_, i) =>
      forPeople(figures, ks.slice(i * perTable, (i + 1) * perTable)),
    )
    return [`${kinds[kind].title} among the first k`, ...parts, '']
  })

const missingText = ({ all, ks, absent }: Report): string[] => {
  if (!all.some(kinds.gold.graded)) return []
  const { by_all: byAll, ...counts } = missedCounts(all)
  const each = Object.entries(counts).map(([ranking, count]) => `${ranking} ${count}`)
  const queries = `queries without a gold passage among the first ${ks.at(-1) ?? 0}: ${each.join(', ')}, all three ${byAll ?? 0}`
  if (!absent) return [queries, 'this store cannot say which gold passages it does not hold']
  return [queries, `gold passages that are not in the collection: ${absent.absent.size} of ${absent.golds}`]
}

export const asText = (report: Report): string =>
  [
    `${report.all.length} queries, ${report.passages} passages in ${report.collection}`,
    '',
    ...tables(report.all, report.ks),
    ...chosenText(selectedRows(report), report.selected?.candidates ?? 0),
    ...missingText(report),
    '(×100, with 95 % bootstrap intervals; macro: every dataset weighs the same, micro: every query)',
  ].join('\n')
