/** One of our stores in a process of its own: opened, searched, and what it took, as one line of JSON. */
import { readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { buildIndex, openStore } from '../../adapters/store/index.ts'
import { openPlace } from '../../cli/collections.ts'
import { readConfig } from '../../cli/config.ts'
import type { Collections, EmbedderIdentity, PassageStore } from '../../method/ports.ts'

const { signal } = new AbortController()

export interface Order {
  readonly engine: 'flat' | 'hnsw' | 'milvus'
  readonly store: string
  readonly queries: string
  readonly ids: string
  readonly encoder: EmbedderIdentity
  /** Files of what was found, without `-<k>.i32`. */
  readonly found: string
  readonly warmUp: number
  readonly milvus?: string
}

/** Searches under way at once where the rate is measured. */
const atOnce = 16

const now = () => performance.now()
const seconds = (from: number) => (now() - from) / 1000

const embedded = async ({ engine, store: path, encoder }: Order) => {
  const from = now()
  if (engine === 'hnsw') await buildIndex({ path, encoder }, signal)
  const build = seconds(from)
  const store = await openStore({ path, encoder, index: engine === 'hnsw' ? 'hnsw' : 'flat' })
  return { store, build: engine === 'hnsw' ? build : null, close: () => store.close() }
}

const name = 'gainstream_bench'

const forget = async (place: Collections) => {
  if (await place.find(name, signal)) await place.drop(name, signal)
}

/** All rows of the embedded store, written to a collection of Milvus, which is dropped afterwards. */
const served = async ({ store: path, encoder, milvus }: Order) => {
  const set = ['store.engine=milvus', 'store.index=hnsw', `milvus.address=${milvus}`, `store.collection=${name}_alias`]
  const place = await openPlace(readConfig({ env: {}, set }))
  await forget(place)
  const from = now()
  const manifest = { encoder, state: 'building', corpus: null, loaded: 0, made_at: Date.now() } as const
  await place.create(name, manifest, signal)
  const store = await place.open(name, signal)
  const database = new DatabaseSync(path, { readOnly: true })
  const rows = database.prepare('SELECT id, title, text, vector FROM passages WHERE vector IS NOT NULL').all()
  for (let at = 0; at < rows.length; at += 500)
    await store.upsert(
      rows.slice(at, at + 500).map(({ id, title, text, vector }) => ({
        passage: { id: String(id), title: String(title), text: String(text) },
        vector: new Float32Array(Uint8Array.from(vector as Uint8Array).buffer),
      })),
      signal,
    )
  database.close()
  await place.seal(name, signal)
  const close = async () => {
    await store.close()
    await forget(place)
    await place.close()
  }
  return { store, build: seconds(from), close }
}

const vectorsOf = (path: string, dimension: number): Float32Array[] => {
  const all = new Float32Array(Uint8Array.from(readFileSync(path)).buffer)
  return Array.from({ length: all.length / dimension }, (_, i) => all.slice(i * dimension, (i + 1) * dimension))
}

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? NaN

const alone = async (store: PassageStore, queries: readonly Float32Array[], k: number) => {
  const times: number[] = []
  const found: string[][] = []
  for (const vector of queries) {
    const from = now()
    const near = await store.near(vector, k, signal)
    times.push(now() - from)
    found.push(near.map(({ passage }) => passage.id))
  }
  return { times, found }
}

const together = async (store: PassageStore, queries: readonly Float32Array[], k: number) => {
  const from = now()
  let next = 0
  const lane = async () => {
    while (next < queries.length) await store.near(queries[next++]!, k, signal)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return queries.length / seconds(from)
}

const order = JSON.parse(process.argv[2] ?? '') as Order
const slots = new Map((JSON.parse(readFileSync(order.ids, 'utf8')) as string[]).map((id, i) => [id, i]))
const queries = vectorsOf(order.queries, order.encoder.dimension)
const before = process.memoryUsage.rss()
const { store, build, close } = await (order.engine === 'milvus' ? served(order) : embedded(order))
const rows = []
for (const k of [20, 100]) {
  await alone(store, queries.slice(0, order.warmUp), k)
  const { times, found } = await alone(store, queries, k)
  const numbers = found.flatMap((ids) => Array.from({ length: k }, (_, i) => slots.get(ids[i] ?? '') ?? -1))
  writeFileSync(`${order.found}-${k}.i32`, Int32Array.from(numbers))
  const rate = await together(store, queries, k)
  rows.push({ k, rates: { [atOnce]: rate }, p50: quantile(times, 0.5), p99: quantile(times, 0.99) })
}
const memory = (process.memoryUsage.rss() - before) / 2 ** 20
await close()
console.log(JSON.stringify({ build, memory, rows }))
