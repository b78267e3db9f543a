/**
 * Passages labelled per second on vLLM: the scorer, beside what the same server can prefill at best (the same prompts,
 * one token each, sent straight to it) and beside Transformers alone, with one gold and with many. All sides work on the
 * same real queries and on the same weights; the prefix cache is emptied before each turn, and the sides take turns.
 *
 *     npm run bench -- label vllm [--data FOLDER] [--golds 1,2,4,8,20] [--queries 8] [--dtype bfloat16] [--json]
 *
 * Without --url it starts a server of its own; one that is named must run with VLLM_SERVER_DEV_MODE=1, for its cache,
 * and --pid says which process it is, for the processor time that it uses.
 */
import { parseArgs } from 'node:util'
import { fastestDtype, type Dtype } from '../../adapters/stack/index.ts'
import { openVllm } from '../../adapters/vllm/index.ts'
import { scoring, tokensOf } from '../../cli/bench/sides.ts'
import type { Scores } from '../../method/ports.ts'
import { answering } from '../../method/prompt.ts'
import { dataFolder, missing } from '../data.ts'
import { machine } from '../kafka/machine.ts'
import { heldUp } from './beside.ts'
import { labelQueries } from './queries.ts'
import { print, rowOf, type Row } from './row.ts'
import { benchServer, type BenchServer } from './server.ts'
import { bestShape, piecesOf, type Shape } from './shapes.ts'
import { alone } from './transformers.ts'
import { turns } from './turns.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: dataFolder() },
    golds: { type: 'string', default: '1,2,4,8,20' },
    queries: { type: 'string', default: '8' },
    passages: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '2' },
    'at-once': { type: 'string', default: '8' },
    dtype: { type: 'string', default: fastestDtype() },
    url: { type: 'string' },
    pid: { type: 'string' },
    threads: { type: 'string', default: '2' },
    alone: { type: 'string', default: '1,2' },
    'alone-queries': { type: 'string', default: '2' },
    'alone-dtypes': { type: 'string', default: 'float32,bfloat16' },
    beside: { type: 'boolean', default: true },
    json: { type: 'boolean', default: false },
  },
  allowNegative: true,
})
const never = new AbortController().signal
const numbers = (text: string) => (text === '' ? [] : text.split(',').map(Number))
const say = (line: string) => void process.stderr.write(`${line}\n`)
const threads = Number(values.threads)
const atOnce = Number(values['at-once'])

/** NQ has few golds a query, and TriviaQA lists aliases. */
const material = (golds: number, queries = Number(values.queries)) => {
  const dataset = golds <= 2 ? 'nq' : 'triviaqa'
  return labelQueries({ folder: values.data, queries, passages: Number(values.passages), golds, dataset })
}

const open = async (server: BenchServer) =>
  openVllm({
    ...{ source: { kind: 'list', urls: [server.url] }, tokenizer: server.model },
    ...{ concurrency: { start: 8, max: 8 }, timeout: 600_000 },
  })
type Opened = Awaited<ReturnType<typeof open>>

/** Both sides in turns, then Transformers on the first queries while the server has nothing to do. */
const measured = async (server: BenchServer, { scorer }: Opened, shape: Shape, golds: number): Promise<Row> => {
  const queries = material(golds)
  const tokens = await tokensOf(server.raw, queries, answering, never)
  const found = new Map<unknown, Scores>()
  const ours = await scoring(scorer, answering, (query, scores) => found.set(query, scores))(queries, never)
  const ceiling = { tasks: piecesOf(server.raw, tokens, shape.each), atOnce: shape.atOnce }
  const sides = { ceiling, ours: { tasks: ours, atOnce } }
  const taken = await turns(server, sides, Number(values.rounds), (line) => say(`${golds} golds, ${line}`))
  if (!numbers(values.alone).includes(golds)) return rowOf(golds, tokens, taken, [])
  const some = Number(values['alone-queries'])
  const scores = queries.slice(0, some).map((query) => found.get(query)!)
  const dtypes = values['alone-dtypes'].split(',') as Dtype[]
  const peers = await alone({ model: server.model, threads, dtypes, tokens: tokens.slice(0, some), scores, say })
  return rowOf(golds, tokens, taken, peers)
}

const main = async (server: BenchServer, opened: Opened) => {
  const about = { machine: machine(), server: opened.scorer.identity, dtype: values.dtype, threads, atOnce }
  const first = material(1)
  await (await scoring(opened.scorer, answering)(first.slice(0, 1), never))[0]!.run() // sets up what is set up once
  const shape = await bestShape(server, await tokensOf(server.raw, first.slice(0, 4), answering, never), say)
  const rows: Row[] = []
  for (const golds of numbers(values.golds)) rows.push(await measured(server, opened, shape, golds))
  const beside = values.beside ? await heldUp(server, opened.scorer, material(1, 12), material(20, 3)) : []
  if (values.json) return console.log(JSON.stringify({ bench: 'label vllm', ...about, shape, rows, beside }))
  console.log({ ...about, shape })
  print(rows)
  if (beside.length > 0) console.table(beside)
}

const lacking = missing(values.data)
if (lacking === undefined) {
  const server = await benchServer({
    url: values.url,
    pid: values.pid === undefined ? undefined : Number(values.pid),
    dtype: values.dtype as Dtype,
    threads,
  })
  const opened = await open(server)
  try {
    await main(server, opened)
  } finally {
    await opened.close()
    await server.stop()
  }
} else console.error(`skipped: ${lacking}`)
