/**
 * How long one search takes in the store that bench/recall.ts filled: by meaning (the question already embedded) and
 * by words, one search at a time.
 *
 *   node bench/retrieve.ts [--dir FOLDER] [--json]
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { encoderModel } from '../adapters/models/encoder.ts'
import { openEmbedder } from '../adapters/onnx/index.ts'
import { openStore } from '../adapters/store/index.ts'
import { home } from '../cli/config.ts'
import { datasets, evalQueries, missing } from './data.ts'

const { signal } = new AbortController()
const warmUp = 20

const quantile = (sorted: readonly number[], p: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? NaN

/** Milliseconds of each search, the first ones aside. */
const timed = async <T>(inputs: readonly T[], search: (input: T) => Promise<unknown>) => {
  const times: number[] = []
  for (const input of inputs) {
    const from = performance.now()
    await search(input)
    times.push(performance.now() - from)
  }
  const sorted = times.slice(warmUp).toSorted((a, b) => a - b)
  return { n: sorted.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) }
}

const main = async () => {
  const { values } = parseArgs({ options: { dir: { type: 'string' }, json: { type: 'boolean', default: false } } })
  const path = join(resolve(values.dir ?? join(home(process.env), 'bench')), 'recall.sqlite')
  const reason = missing() ?? (existsSync(path) ? undefined : `there is no ${path}; run bench/recall.ts first`)
  if (reason !== undefined) return console.error(`skipped: ${reason}`)
  const embedder = await openEmbedder({ folder: await encoderModel({ home: home(process.env) }) })
  const opening = performance.now()
  const store = await openStore({ path, encoder: embedder.identity })
  const opened = performance.now() - opening
  const questions = datasets.flatMap((dataset) =>
    evalQueries(dataset)
      .slice(0, 50)
      .map(({ question }) => question),
  )
  const vectors = await embedder.embed(questions, 'query', signal)
  const rows = []
  for (const k of [20, 100]) {
    rows.push({ search: 'near', k, ...(await timed(vectors, (vector) => store.near(vector, k, signal))) })
    rows.push({ search: 'match', k, ...(await timed(questions, (question) => store.match(question, k, signal))) })
  }
  rows.push({ search: 'embed', k: 1, ...(await timed(questions, (one) => embedder.embed([one], 'query', signal))) })
  if (values.json) console.log(JSON.stringify({ passages: await store.count(), opened, rows }, null, 2))
  else {
    console.log(`${await store.count()} passages, opened in ${opened.toFixed(0)} ms; milliseconds a search`)
    for (const { search, k, n, p50, p99 } of rows)
      console.log(
        `${search.padEnd(6)} k ${String(k).padStart(3)}  p50 ${p50.toFixed(1)}  p99 ${p99.toFixed(1)}  (${n} searches)`,
      )
  }
  await Promise.all([embedder.close(), store.close()])
}

await main()
