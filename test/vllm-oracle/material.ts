/**
 * Real questions with several golds and ten real passages each: of the benchmark's folder where the environment names
 * one (GAINSTREAM_BENCHMARK), else of the demo.
 */
import { readFileSync } from 'node:fs'
import { finderIn, labelQueries } from '../../bench/label/queries.ts'
import type { ScoreRequest } from '../../method/ports.ts'
import { answering } from '../../method/prompt.ts'
import type { Passage } from '../../schemas/passage.ts'

export interface Material {
  readonly from: string
  readonly requests: readonly ScoreRequest[]
  /** The place of the gold passage, per request. */
  readonly gold: readonly number[]
}

export const alphas = [0, 0.5, 2]

const read = <T>(file: string): T[] =>
  readFileSync(new URL(`../../demo/${file}`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T)

interface Asked {
  readonly question: string
  readonly answers: readonly string[]
  readonly gold_passage_ids: readonly string[]
}

const demo = (queries: number, passages: number) => {
  const find = finderIn(read<Passage>('passages.jsonl'))
  // Some questions of the demo have no passage that answers them.
  const answered = read<Asked>('queries.jsonl').filter(({ gold_passage_ids: known }) => known.length > 0)
  const asked = answered.toSorted((a, b) => b.answers.length - a.answers.length)
  return asked.slice(0, queries).map(({ question, answers, gold_passage_ids: known }, i) => ({
    ...{ question, answers: answers.slice(0, 3), gold: i % passages },
    passages: find(question, known, passages, i % passages),
  }))
}

/** One half of the benchmark's has two golds a query and the other four. */
const benchmark = (folder: string, queries: number, passages: number) => {
  const half = Math.ceil(queries / 2)
  const some = { folder, passages }
  return [
    ...labelQueries({ ...some, dataset: 'nq', golds: 2, queries: half }),
    ...labelQueries({ ...some, dataset: 'triviaqa', golds: 4, queries: queries - half }),
  ]
}

export const material = (queries = 5, passages = 10): Material => {
  const folder = process.env['GAINSTREAM_BENCHMARK']
  const found = folder ? benchmark(folder, queries, passages) : demo(queries, passages)
  return {
    from: folder ? 'the benchmark folder' : 'the demo',
    requests: found.map(({ question, answers, passages: some }) => ({
      ...{ question, answers, passages: some },
      ...{ template: answering, alphas, passageTokens: 512 },
    })),
    gold: found.map(({ gold }) => gold),
  }
}
