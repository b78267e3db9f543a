/** Real questions, each with its gold passage among candidates that share its words. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { join } from 'node:path'
import type { Passage } from '../../schemas/passage.ts'
import { dataFolder } from '../data.ts'

export interface LabelQuery {
  readonly id: string
  readonly question: string
  readonly answers: readonly string[]
  /** The gold passage stands at `gold`. */
  readonly passages: readonly Passage[]
  readonly gold: number
}

const folder = dataFolder()

const lines = <T>(text: string): T[] => text.trim().split('\n').map((line) => JSON.parse(line) as T) // prettier-ignore

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

/** The first `n` NQ evaluation queries, with `size` candidates each; the gold's place moves from query to query. */
export const labelQueries = (n: number, size: number): LabelQuery[] => {
  const corpus = lines<Passage>(gunzipSync(readFileSync(join(folder, 'corpus.jsonl.gz'))).toString())
  const scored = overlap(corpus)
  interface Asked { id: string; question: string; answers: string[]; gold_passage_ids: string[] } // prettier-ignore
  const asked = lines<Asked>(readFileSync(join(folder, 'nq.eval.jsonl'), 'utf8')).slice(0, n)
  return asked.map(({ id, question, answers, gold_passage_ids: golds }, i) => {
    const score = scored(question)
    const order = corpus.map((_, at) => at).sort((a, b) => score[b]! - score[a]!)
    const others = order.map((at) => corpus[at]!).filter((passage) => !golds.includes(passage.id)).slice(0, size - 1) // prettier-ignore
    const passages = others.toSpliced(
      i % size,
      0,
      corpus.find((passage) => passage.id === golds[0])!,
    )
    return { id, question, answers, passages, gold: i % size }
  })
}
