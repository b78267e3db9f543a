/** Real questions, each with its gold passage among candidates that share its words. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { join } from 'node:path'
import { distinctGolds } from '../../method/golds.ts'
import type { Passage } from '../../schemas/passage.ts'
import { evalQueries } from '../data.ts'

export interface LabelQuery {
  readonly id: string
  readonly question: string
  readonly answers: readonly string[]
  /** The gold passage stands at `gold`. */
  readonly passages: readonly Passage[]
  readonly gold: number
}

export interface Wanted {
  /** The folder of bench/data.ts. */
  readonly folder: string
  readonly queries: number
  /** Candidates a query. */
  readonly passages: number
  readonly dataset?: string
  /** Just so many distinct golds: of queries with more the first ones, queries with fewer are left out. */
  readonly golds?: number
  /** Queries passed over first, so that two sides need not share any. */
  readonly skip?: number
}

const words = (text: string): Set<string> => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])

/** Rare words that question and passage share count more: Σ ln(passages / passages with the word). */
const overlap = (corpus: readonly Passage[]) => {
  const bags = corpus.map(({ title, text }) => words(`${title} ${text}`))
  const holding = new Map<string, number>()
  for (const bag of bags) for (const word of bag) holding.set(word, (holding.get(word) ?? 0) + 1)
  return (question: string) => {
    const asked = [...words(question)].map(
      (word) => [word, Math.log(corpus.length / (holding.get(word) ?? 1))] as const,
    )
    return bags.map((bag) => asked.reduce((sum, [word, weight]) => sum + (bag.has(word) ? weight : 0), 0))
  }
}

/** `size` candidates of a question: the first of the known passages at place `at` among others that share its words. */
export type Finding = (question: string, known: readonly string[], size: number, at: number) => Passage[]

export const finderIn = (corpus: readonly Passage[]): Finding => {
  const scored = overlap(corpus)
  return (question, known, size, at) => {
    const score = scored(question)
    const order = corpus.map((_, i) => i).sort((a, b) => score[b]! - score[a]!)
    const others = order.map((i) => corpus[i]!).filter(({ id }) => !known.includes(id))
    return others.slice(0, size - 1).toSpliced(
      at,
      0,
      corpus.find(({ id }) => id === known[0])!,
    )
  }
}

const finders = new Map<string, Finding>()

/** Reads a folder's corpus once. */
const finderOf = (folder: string): Finding => {
  const lines = () => gunzipSync(readFileSync(join(folder, 'corpus.jsonl.gz'))).toString().trim().split('\n') // prettier-ignore
  const passage = (line: string): Passage => {
    const { id, title, text } = JSON.parse(line) as Passage
    return { id, title, text }
  }
  const find = finders.get(folder) ?? finderIn(lines().map(passage))
  finders.set(folder, find)
  return find
}

/** The first evaluation queries of a dataset (nq) that fit; the gold's place moves from query to query. */
export const labelQueries = ({
  folder,
  queries,
  passages: size,
  dataset = 'nq',
  golds,
  skip = 0,
}: Wanted): LabelQuery[] => {
  const find = finderOf(folder)
  const asked = evalQueries(dataset, folder).map((query) => {
    const { golds: distinct } = distinctGolds(query.answers, { maxGolds: golds ?? Infinity })
    return { ...query, answers: golds === undefined ? query.answers : distinct }
  })
  const fitting = asked.filter(({ answers }) => golds === undefined || answers.length === golds)
  return fitting.slice(skip, skip + queries).map(({ id, question, answers, gold_passage_ids: known }, i) => {
    return { id, question, answers, passages: find(question, known, size, i % size), gold: i % size }
  })
}
