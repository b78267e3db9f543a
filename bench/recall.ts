/**
 * Recall of gold passages over the benchmark's corpus: by meaning, by words, and by both fused, beside
 * reference figures that were measured before this was written. Indexing goes on where it stopped.
 *
 *   node bench/recall.ts [--dir FOLDER] [--threads N] [--json]
 */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { encoderModel } from '../adapters/models/encoder.ts'
import { openEmbedder } from '../adapters/onnx/index.ts'
import { retriever, type Mode } from '../adapters/retriever.ts'
import { openStore } from '../adapters/store/index.ts'
import { home } from '../cli/config.ts'
import type { Embedder, PassageStore } from '../method/ports.ts'
import { recallAt } from '../method/recall.ts'
import type { Passage } from '../schemas/passage.ts'
import { corpus, datasets, evalQueries, missing, type BenchQuery } from './data.ts'

const { signal } = new AbortController()
const depths = [1, 5, 20, 100] as const
const modes: readonly Mode[] = ['sparse', 'dense', 'fused']
const chunk = 256

/** Reference figures, at 1, 5, 20 and 100. */
const references: Readonly<Record<string, Readonly<Record<Mode, readonly number[]>>>> = {
  nq: { sparse: [0.675, 0.82, 0.88, 0.94], dense: [0.83, 0.97, 0.99, 1], fused: [0.745, 0.925, 0.985, 1] },
  squad: { sparse: [0.78, 0.895, 0.95, 0.975], dense: [0.72, 0.88, 0.905, 0.98], fused: [0.81, 0.935, 0.98, 0.99] },
  hotpotqa: { sparse: [0.78, 0.933, 0.973, 0.993], dense: [0.827, 0.94, 0.98, 1], fused: [0.807, 0.96, 1, 1] },
  '2wikimultihopqa': {
    sparse: [0.91, 0.99, 0.995, 0.995],
    dense: [0.86, 0.98, 0.995, 1],
    fused: [0.915, 0.99, 0.995, 1],
  },
  all: {
    sparse: [0.717, 0.885, 0.95, 0.982],
    dense: [0.699, 0.862, 0.923, 0.971],
    fused: [0.753, 0.921, 0.978, 0.998],
  },
}

const say = (text: string) => void process.stderr.write(`${text}\n`)

/** Chunks are written in order, so the count says how far an earlier attempt came. */
const indexAll = async (passages: readonly Passage[], embedder: Embedder, store: PassageStore) => {
  const from = await store.count()
  const started = performance.now()
  const seconds = () => (performance.now() - started) / 1000
  const embedded = async (at: number) => {
    const some = passages.slice(at, at + chunk)
    const vectors = await embedder.embed(
      some.map(({ title, text }) => `${title} ${text}`),
      'passage',
      signal,
    )
    return some.flatMap((passage, i) => (vectors[i] ? [{ passage, vector: vectors[i] }] : []))
  }
  let next = embedded(from)
  for (let at = from; at < passages.length; at += chunk) {
    const rows = await next
    next = embedded(at + chunk)
    await store.upsert(rows, signal)
    const done = Math.min(at + chunk, passages.length)
    if (at % (chunk * 10) === 0)
      say(`${done} of ${passages.length}, ${((done - from) / seconds()).toFixed(1)} passages/s`)
  }
  await next
  const indexed = passages.length - from
  return { passages: indexed, seconds: seconds(), rate: indexed === 0 ? null : indexed / seconds() }
}

const recallOf = async (queries: readonly BenchQuery[], mode: Mode, embedder: Embedder, store: PassageStore) => {
  const finder = retriever({ embedder, store, mode })
  const hits = await Promise.all(
    queries.map(async ({ question, gold_passage_ids: golds }) => {
      const found = await finder.retrieve(question, 100, signal)
      return depths.map((k) => recallAt(k, found, golds) ?? NaN)
    }),
  )
  return depths.map((_, i) => hits.reduce((sum, hit) => sum + (hit[i] ?? NaN), 0) / hits.length)
}

type Table = Record<string, Record<Mode, number[]>>

const measure = async (embedder: Embedder, store: PassageStore): Promise<Table> => {
  const groups = new Map<string, BenchQuery[]>(datasets.map((dataset) => [dataset, evalQueries(dataset)]))
  groups.set('all', [...groups.values()].flat())
  const result: Table = {}
  for (const [name, queries] of groups) {
    const [sparse, dense, fused] = await Promise.all(modes.map((mode) => recallOf(queries, mode, embedder, store)))
    result[name] = { sparse: sparse ?? [], dense: dense ?? [], fused: fused ?? [] }
  }
  return result
}

const printed = (table: Table): string => {
  const figures = (list: readonly number[] | undefined) => list?.map((x) => x.toFixed(3)).join(' ') ?? ''.padEnd(23)
  const head = `${'recall@1/5/20/100'.padEnd(16)} ${'ranking'.padEnd(7)} ${'here'.padEnd(24)} ${'reference figures'.padEnd(24)} largest step down`
  const lines = Object.entries(table).flatMap(([name, row]) =>
    modes.map((mode) => {
      const reference = references[name]?.[mode]
      const down = reference && Math.max(...reference.map((x, i) => x - (row[mode][i] ?? 0)))
      return `${name.padEnd(17)} ${mode.padEnd(7)} ${figures(row[mode])}  ${figures(reference)}  ${down?.toFixed(3) ?? ''}`
    }),
  )
  return [head, ...lines].join('\n')
}

const main = async () => {
  const { values } = parseArgs({
    options: { dir: { type: 'string' }, threads: { type: 'string' }, json: { type: 'boolean', default: false } },
  })
  const reason = missing()
  if (reason !== undefined) return say(`skipped: ${reason}`)
  const dir = resolve(values.dir ?? join(home(process.env), 'bench'))
  mkdirSync(dir, { recursive: true })
  const folder = await encoderModel({
    home: home(process.env),
    onProgress: (what, n, of) => say(`${what} ${n}/${of ?? ''}`),
  })
  const embedder = await openEmbedder({ folder, threads: values.threads ? Number(values.threads) : undefined })
  const store = await openStore({ path: join(dir, 'recall.sqlite'), encoder: embedder.identity })
  const indexing = await indexAll(await corpus(), embedder, store)
  say(`indexed ${indexing.passages} passages in ${indexing.seconds.toFixed(0)} s`)
  const recall = await measure(embedder, store)
  console.log(values.json ? JSON.stringify({ indexing, depths, recall }, null, 2) : printed(recall))
  if (!values.json) console.log(`indexing: ${indexing.rate?.toFixed(1) ?? 'nothing new,'} passages/s`)
  await Promise.all([embedder.close(), store.close()])
}

await main()
