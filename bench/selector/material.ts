/** What the study reads: questions of the benchmark, their fused candidates, and gains that were measured before. */
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { writeLines } from '../../adapters/files/index.ts'
import { retriever } from '../../adapters/retriever.ts'
import { checkSearchable } from '../../cli/collections.ts'
import { readConfig } from '../../cli/config.ts'
import { progress, screen } from '../../cli/progress.ts'
import { models } from '../../cli/world.ts'
import type { Choice } from '../../method/ports.ts'
import type { Passage } from '../../schemas/passage.ts'
import { dataFolder, datasets, type BenchQuery } from '../data.ts'
import type { Label } from './labels.ts'

export interface StudyQuery extends BenchQuery {
  readonly train_overlap?: boolean
}

/** A query's candidates by fused rank, as a selector sees them but for their texts, which the corpus has. */
export type Listed = Omit<Choice, 'title' | 'text'>

const lines = <T>(path: string): T[] =>
  readFileSync(path, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as T) // prettier-ignore

/** All queries of one kind of file; a dataset without that file has none. */
export const queriesOf = (kind: 'train' | 'eval'): StudyQuery[] =>
  datasets
    .map((name) => join(dataFolder(), `${name}.${kind}.jsonl`))
    .flatMap((path) => (existsSync(path) ? lines<StudyQuery>(path) : []))

export const texts = (corpus: readonly Passage[]): ((one: Listed) => Choice) => {
  const byId = new Map(corpus.map((passage) => [passage.id, passage]))
  return (one) => {
    const { title, text } = byId.get(one.id)!
    return { ...one, title, text }
  }
}

/** Retrieves once, and reads the file afterwards. `data` is a folder whose collection holds the corpus. */
export const candidatesOf = async (
  queries: readonly StudyQuery[],
  { file, data, k }: { readonly file: string; readonly data: string; readonly k: number },
): Promise<Map<string, readonly Listed[]>> => {
  if (!existsSync(file)) await retrieved(queries, { file, data, k })
  const found = new Map(lines<{ id: string; passages: Listed[] }>(file).map(({ id, passages }) => [id, passages]))
  const absent = queries.find(({ id }) => !found.has(id))
  if (absent) throw new Error(`${file} has no candidates for ${absent.id}: delete it, and it is made anew`)
  return new Map(queries.map(({ id }) => [id, found.get(id)!.slice(0, k)]))
}

const retrieved = async (
  queries: readonly StudyQuery[],
  { file, data, k }: { file: string; data: string; k: number },
) => {
  const config = readConfig({ file: undefined, env: {}, set: [], flags: { data } })
  const { embedder, stores: open, closeAll } = models(config, screen(), process.env)
  const { signal } = new AbortController()
  const bar = progress('questions searched', screen())
  try {
    const stores = await open()
    await checkSearchable(stores, signal)
    const finder = retriever({
      embedder: await embedder(),
      store: stores.search,
      mode: 'fused',
      depth: config.retrieve.depth,
    })
    const made: string[] = []
    for (const { id, question } of queries) {
      const passages = (await finder.retrieve(question, k, signal)).map(
        ({ title: _, text: __, same_as: ___, twin_of: ____, not_available: _____, ...listed }) => listed,
      )
      made.push(JSON.stringify({ id, passages }))
      bar.update(made.length, queries.length)
    }
    await writeLines(file, made)
  } finally {
    bar.end()
    await closeAll()
  }
}

/** Gains by query id. */
export const readLabels = async (path: string): Promise<Map<string, Label>> => {
  const input = path.endsWith('.gz') ? createReadStream(path).pipe(createGunzip()) : createReadStream(path)
  const labels = new Map<string, Label>()
  for await (const line of createInterface({ input })) {
    const label = JSON.parse(line) as Label
    labels.set(label.id, label)
  }
  return labels
}
