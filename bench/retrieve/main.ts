/**
 * Searches a second, milliseconds of one search, recall against exact search, time to build and memory: of the embedded
 * store without and with its index and of Milvus, beside faiss, all on the same vectors and questions in the same run.
 * Each side is a process of its own. Ours hand over whole passages, from their thread or server; faiss numbers of rows.
 *
 *   node bench/retrieve/main.ts [--store FILE] [--milvus HOST:PORT] [--every N] [--json]
 *
 * --store is a passage store of the benchmark's corpus; without it one is made in the state folder, once, in minutes.
 * --every asks only each Nth question.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { pythonPackages } from '../../adapters/models/python.ts'
import { home } from '../../cli/config.ts'
import { table } from '../../cli/report.ts'
import { missing } from '../data.ts'
import { loadNow, machine } from '../kafka/machine.ts'
import { material, type Material } from './material.ts'
import type { Order } from './ours.ts'

const run = promisify(execFile)
const warmUp = 50
const threads = availableParallelism()

interface Row {
  readonly k: number
  /** Searches a second, by how many were under way at once (ours) or by threads (faiss). */
  readonly rates: Readonly<Record<string, number>>
  readonly p50: number
  readonly p99: number
}
interface Measured {
  /** Seconds; null: nothing is built. */
  readonly build: number | null
  /** Megabytes more than before the vectors came in, of the process that searches. */
  readonly memory: number
  readonly rows: readonly Row[]
}

const say = (text: string) => void process.stderr.write(`${text}\n`)

/** The last line that it writes. */
const told = async (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Measured> => {
  const { stdout } = await run(program, args, { env: { ...process.env, ...env }, maxBuffer: 1 << 26 })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Measured
}

const ours = (folder: string, { store, queries, encoder }: Material, engine: Order['engine'], milvus?: string) => {
  const order: Order = {
    ...{ engine, store, queries, encoder, warmUp, ids: join(folder, 'ids.json'), found: join(folder, engine) },
    ...(milvus === undefined ? {} : { milvus }),
  }
  return told(process.execPath, [join(import.meta.dirname, 'ours.ts'), JSON.stringify(order)])
}

const peer = async (folder: string, { vectors, queries, encoder }: Material, index: string) => {
  const packages = await pythonPackages(join(import.meta.dirname, 'requirements.txt'), home(process.env))
  const given = {
    ...{ vectors, queries, index, threads, found: join(folder, `faiss-${index}`) },
    ...{ dimension: encoder.dimension, 'warm-up': warmUp },
  }
  const args = Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)])
  return told('python3', [join(import.meta.dirname, 'peer.py'), ...args], { PYTHONPATH: packages })
}

const numbers = (path: string) => new Int32Array(Uint8Array.from(readFileSync(path)).buffer)

/** Share of what exact search finds. */
const recallOf = (folder: string, name: string, k: number): number => {
  const [found, exact] = [numbers(join(folder, `${name}-${k}.i32`)), numbers(join(folder, `flat-${k}.i32`))]
  let hits = 0
  for (let from = 0; from < exact.length; from += k) {
    const wanted = new Set(exact.subarray(from, from + k))
    hits += found.subarray(from, from + k).filter((one) => wanted.has(one)).length
  }
  return hits / exact.length
}

const shown = (value: number | null, digits = 1) => (value === null ? '-' : value.toFixed(digits))

const main = async () => {
  const { values } = parseArgs({
    options: {
      store: { type: 'string' },
      every: { type: 'string', default: '1' },
      milvus: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const reason = missing()
  if (reason !== undefined) return say(`skipped: ${reason}`)
  const folder = mkdtempSync(join(tmpdir(), 'gainstream-bench-'))
  try {
    const given = await material(folder, values.store, Number(values.every), say)
    writeFileSync(join(folder, 'ids.json'), JSON.stringify(given.ids))
    const { milvus } = values
    const sides: readonly (readonly [name: string, label: string, () => Promise<Measured>])[] = [
      ['flat', 'embedded, exact', () => ours(folder, given, 'flat')],
      ['hnsw', 'embedded, usearch', () => ours(folder, given, 'hnsw')],
      ...(milvus === undefined
        ? []
        : [['milvus', 'Milvus, hnsw', () => ours(folder, given, 'milvus', milvus)] as const]),
      ...['flat', 'hnsw16', 'hnsw32'].map(
        (index) => [`faiss-${index}`, `faiss, ${index}`, () => peer(folder, given, index)] as const,
      ),
    ]
    const results = []
    for (const [name, label, measure] of sides) {
      say(`measuring ${label}`)
      const load = loadNow()
      const { build, memory, rows } = await measure()
      for (const row of rows)
        results.push({ side: label, ...row, recall: recallOf(folder, name, row.k), build, memory, load })
    }
    const about = { machine: machine(), passages: given.ids.length, questions: given.questions, results }
    if (values.json) return console.log(JSON.stringify(about, null, 1))
    console.log(`${JSON.stringify(about.machine)}\n${about.passages} passages, ${about.questions} questions`)
    const cells = results.map(({ side, k, rates, p50, p99, recall, build, memory, load }) => [
      ...[side, String(k), Object.values(rates).map((rate) => rate.toFixed(0)).join(' / ')], // prettier-ignore
      ...[shown(p50, 2), shown(p99, 2), shown(recall, 4), shown(build), shown(memory, 0), shown(load)],
    ])
    console.log(table([['', 'k', 'a second', 'p50 ms', 'p99 ms', 'recall', 'build s', 'MB', 'load'], ...cells]))
    console.log(`a second: 16 searches at once (ours); 1 thread / ${threads} threads, all in one batch (faiss)`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
