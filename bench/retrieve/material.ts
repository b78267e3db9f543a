/** What all sides search: the benchmark's passages with their vectors, and its questions as vectors. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { encoderModel } from '../../adapters/models/encoder.ts'
import { openEmbedder } from '../../adapters/onnx/index.ts'
import { openStore } from '../../adapters/store/index.ts'
import { home } from '../../cli/config.ts'
import type { Embedder, EmbedderIdentity } from '../../method/ports.ts'
import { passageText } from '../../method/prompt.ts'
import { corpus, datasets, evalQueries } from '../data.ts'

const { signal } = new AbortController()
const some = 256

export interface Material {
  /** A passage store's file. */
  readonly store: string
  /** Little-endian float32, one vector after the other, in the order of `ids`. */
  readonly vectors: string
  readonly queries: string
  readonly ids: readonly string[]
  readonly questions: number
  readonly encoder: EmbedderIdentity
}

/** Goes on where it stopped. */
const fill = async (path: string, embedder: Embedder, say: (text: string) => void) => {
  const passages = await corpus()
  const store = await openStore({ path, encoder: embedder.identity })
  for (let at = await store.count(); at < passages.length; at += some) {
    const chunk = passages.slice(at, at + some)
    const vectors = await embedder.embed(chunk.map(passageText), 'passage', signal)
    await store.upsert(
      chunk.map((passage, i) => ({ passage, vector: vectors[i]! })),
      signal,
    )
    if (at % (some * 10) === 0) say(`embedding passages ${at}/${passages.length}`)
  }
  await store.close()
}

const bytes = (all: readonly (Uint8Array | Float32Array)[]) =>
  Buffer.concat(all.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)))

/**
 * @param given a store of the benchmark's corpus; undefined: one is made, once, which takes minutes
 * @param every of the questions only each so-manieth is asked
 */
export const material = async (
  folder: string,
  given: string | undefined,
  every: number,
  say: (text: string) => void,
): Promise<Material> => {
  const embedder = await openEmbedder({ folder: await encoderModel({ home: home(process.env) }) })
  const bench = join(home(process.env), 'bench')
  mkdirSync(bench, { recursive: true })
  const store = given ?? join(bench, 'retrieve.sqlite')
  if (given === undefined || !existsSync(given)) await fill(store, embedder, say)
  const database = new DatabaseSync(store, { readOnly: true })
  const rows = database.prepare('SELECT id, vector FROM passages WHERE vector IS NOT NULL ORDER BY change').all()
  // A copy, so that what is built beside it is built in this run.
  const copy = join(folder, 'store.sqlite')
  database.exec(`VACUUM INTO '${copy.replaceAll("'", "''")}'`)
  database.close()
  const all = datasets.flatMap((dataset) => evalQueries(dataset).map(({ question }) => question))
  const questions = all.filter((_, i) => i % every === 0)
  const [vectors, queries] = [join(folder, 'vectors.f32'), join(folder, 'queries.f32')]
  writeFileSync(vectors, bytes(rows.map(({ vector }) => vector as Uint8Array)))
  writeFileSync(queries, bytes(await embedder.embed(questions, 'query', signal)))
  await embedder.close()
  const ids = rows.map(({ id }) => String(id))
  return { ...{ store: copy, vectors, queries, ids, questions: questions.length }, encoder: embedder.identity }
}
