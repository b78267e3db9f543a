/** What selectors make of the fused candidates: is a gold passage, or one with an answer, chosen first? */
import { readFileSync } from 'node:fs'
import type { Retriever, Selector } from '../method/ports.ts'
import { assembleCandidates } from '../method/candidates.ts'
import { compareBySet, type ComparisonBySet } from '../method/paired.ts'
import { answerRank, goldRank, withinFirst } from '../method/recall.ts'
import { overall, type Overall } from '../method/statistics.ts'
import { Fatal } from '../runtime/errors.ts'
import type { Candidate } from '../schemas/passage.ts'
import type { Query } from '../schemas/query.ts'
import { scaled, shown, table } from './report.ts'

/** 1 where the first one is gold, or holds an answer; null where that is not known of the query. */
export interface First {
  readonly gold: number | null
  readonly answer: number | null
}

/** Of one query: fused order first, then the selectors in their order. */
export interface Chosen {
  readonly query: Query
  readonly firsts: readonly First[]
}

const firstOf = ({ gold_passage_ids: golds, answers, lang }: Query, order: readonly Candidate[]): First => ({
  gold: golds.length === 0 ? null : withinFirst(1, goldRank(order, golds)),
  answer: answers.length === 0 ? null : withinFirst(1, answerRank(order, answers, lang)),
})

/** Best first; ties keep retrieval order. */
const orderedBy = (scores: readonly number[], candidates: readonly Candidate[]): Candidate[] =>
  candidates
    .map((candidate, i) => ({ candidate, score: scores[i]! }))
    .sort((a, b) => b.score - a.score || a.candidate.rank - b.candidate.rank)
    .map(({ candidate }) => candidate)

export interface Choosing {
  /** Fused. */
  readonly retriever: Retriever
  readonly candidates: number
  readonly selectors: readonly Selector[]
  readonly signal: AbortSignal
}

/** The same candidates for every selector, each passage once. */
export const chosen = async (query: Query, { retriever, candidates, selectors, signal }: Choosing): Promise<Chosen> => {
  const found = await retriever.retrieve(query.question, candidates, signal)
  const passages = assembleCandidates(query, found, null, { limit: candidates })
  const firsts = [firstOf(query, passages)]
  for (const selector of selectors)
    firsts.push(firstOf(query, orderedBy(await selector.score(query.question, passages, signal), passages)))
  return { query, firsts }
}

const figures = { gold: 'hit@1', answer: 'has-answer@1' } as const
type Figure = keyof typeof figures

interface Row {
  readonly name: string
  readonly figure: Figure
  readonly of: Overall
  /** Against fused order, query by query; undefined for itself. */
  readonly versus: ComparisonBySet | undefined
}

/** By place: queries of several files may have the same id. */
const gradesOf = (all: readonly Chosen[], at: number, figure: Figure): Map<string, number> =>
  new Map(all.flatMap(({ firsts }, place) => {
    const grade = firsts[at]![figure]
    return grade === null ? [] : [[`${place}`, grade] as const]
  })) // prettier-ignore

/** @param names of the selectors, in their order */
export const rowsOf = (all: readonly Chosen[], names: readonly string[]): Row[] => {
  const datasetOf = (place: string) => all[Number(place)]?.query.dataset ?? ''
  return (Object.keys(figures) as Figure[]).flatMap((figure) => {
    const fused = gradesOf(all, 0, figure)
    return ['fused order', ...names.map((name) => `selected by ${name}`)].flatMap((name, at) => {
      const own = gradesOf(all, at, figure)
      const bySet = Map.groupBy(own, ([place]) => datasetOf(place))
      const of = overall(new Map([...bySet].map(([set, grades]) => [set, grades.map(([, grade]) => grade)])))
      return of ? { name, figure, of, versus: at === 0 ? undefined : compareBySet(own, fused, datasetOf) } : []
    })
  })
}

export const chosenText = (rows: readonly Row[], candidates: number): string[] => {
  if (rows.length === 0) return []
  const lines = rows.flatMap(({ name, figure, of, versus }) => [
    [`${figures[figure]}, ${name}`, shown(of.macro), shown(of.micro), shown(versus?.micro.difference), ...[versus?.micro.won, versus?.micro.lost].map((n) => `${n ?? '-'}`)],
  ]) // prettier-ignore
  return [
    `chosen among the first ${candidates} fused candidates`,
    table([['', 'macro', 'micro', 'against fused', 'won', 'lost'], ...lines]),
    '',
  ]
}

export const chosenJson = (rows: readonly Row[]) =>
  rows.map(({ name, figure, of, versus }) => ({
    ...{ name, figure: figures[figure], macro: scaled(of.macro), micro: scaled(of.micro) },
    datasets: Object.fromEntries(Object.entries(of.datasets).map(([set, interval]) => [set, scaled(interval)])),
    versus_fused: versus
      ? { difference: scaled(versus.micro.difference), won: versus.micro.won, lost: versus.micro.lost }
      : null,
  }))

/** Ids of queries whose line says `"train_overlap": true`. @throws Fatal for a file in which no line says either */
export const overlapping = (paths: readonly string[]): Set<string> =>
  new Set(
    paths.flatMap((path) => {
      const lines = readFileSync(path, 'utf8').split('\n').filter((line) => line.trim() !== '') // prettier-ignore
      const read = lines.map((line) => {
        try {
          return JSON.parse(line) as { id?: unknown; train_overlap?: unknown }
        } catch {
          return {}
        }
      })
      if (!read.some((one) => typeof one.train_overlap === 'boolean'))
        throw new Fatal(`${path} does not say which queries overlap: no line has the field train_overlap`)
      return read.flatMap(({ id, train_overlap }) => (train_overlap === true ? String(id) : []))
    }),
  )
