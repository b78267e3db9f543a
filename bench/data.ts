/** The benchmark's folder: corpus.jsonl.gz and <dataset>.eval.jsonl; see its own README for where they come from. */
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import type { Passage } from '../schemas/passage.ts'

export interface BenchQuery {
  readonly id: string
  readonly dataset: string
  readonly question: string
  readonly answers: readonly string[]
  readonly gold_passage_ids: readonly string[]
}

export const datasets = ['nq', 'squad', 'hotpotqa', '2wikimultihopqa', 'webquestions', 'triviaqa'] as const

/** GAINSTREAM_BENCHMARK, or a folder beside the repository. */
export const dataFolder = (): string =>
  resolve(process.env['GAINSTREAM_BENCHMARK'] ?? join(import.meta.dirname, '../../shared/data'))

/** Why the benchmark cannot run, or undefined. */
export const missing = (folder = dataFolder()): string | undefined =>
  existsSync(join(folder, 'corpus.jsonl.gz'))
    ? undefined
    : `there is no corpus.jsonl.gz in ${folder}; set GAINSTREAM_BENCHMARK to the folder of the benchmark's files`

export const corpus = async (): Promise<Passage[]> => {
  const lines = createInterface({ input: createReadStream(join(dataFolder(), 'corpus.jsonl.gz')).pipe(createGunzip()) })
  const passages: Passage[] = []
  for await (const line of lines) {
    const { id, title, text } = JSON.parse(line) as Passage
    passages.push({ id, title, text })
  }
  return passages
}

export const evalQueries = (dataset: string, folder = dataFolder()): BenchQuery[] =>
  readFileSync(join(folder, `${dataset}.eval.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as BenchQuery)
