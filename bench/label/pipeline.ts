/**
 * What the stream costs: queries go through the real engine on Kafka with a registry, the passage store of this machine
 * and a vLLM server, as far as `gains`; then the scorer is driven directly with the very candidates that came out. Both
 * are timed from the first query that the scorer is given to the last that it gives back. Each part of the queries is
 * measured both ways; neither finds scores or prefixes that the other left in a cache.
 *
 *     npm run bench -- label pipeline [--data FOLDER] [--queries 24] [--turns 1] [--json]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fastestDtype, type Dtype } from '../../adapters/stack/index.ts'
import { openVllm } from '../../adapters/vllm/index.ts'
import { readConfig } from '../../cli/config.ts'
import { bring, passageFile, queryFile } from '../../cli/import.ts'
import { openStream } from '../../cli/streams.ts'
import { work } from '../../cli/work.ts'
import { openWorld, type World } from '../../cli/world.ts'
import { scoring } from '../../cli/bench/sides.ts'
import { rate, total, worked, type Window } from '../../cli/bench/window.ts'
import { distinctGolds } from '../../method/golds.ts'
import { answering } from '../../method/prompt.ts'
import type { Topic } from '../../runtime/topic.ts'
import type { Candidates } from '../../schemas/candidates.ts'
import { candidates, gains } from '../../topics/index.ts'
import { dataFolder, missing } from '../data.ts'
import { freshPrefix } from '../kafka/lines.ts'
import { machine, rounded } from '../kafka/machine.ts'
import { servers, type Servers } from '../kafka/servers.ts'
import { labelQueries, type LabelQuery } from './queries.ts'
import { benchServer, type BenchServer } from './server.ts'
import { stopwatch } from './stopwatch.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: dataFolder() },
    queries: { type: 'string', default: '24' },
    turns: { type: 'string', default: '1' },
    passages: { type: 'string', default: '10' },
    'at-once': { type: 'string', default: '8' },
    dtype: { type: 'string', default: fastestDtype() },
    url: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const never = new AbortController().signal
const say = (line: string) => void process.stderr.write(`${line}\n`)
const screen = { tty: false, write: (text: string) => void process.stderr.write(text) }
const io = { env: process.env, out: () => {}, screen, signal: never }
const k = Number(values.passages)
const atOnce = Number(values['at-once'])

const settings = ({ brokers, registry }: Servers, { url, model }: BenchServer, data: string) => [
  ...['engine=kafka', `prefix=${freshPrefix()}`, `kafka.brokers=${brokers.join(',')}`, `registry.url=${registry}`],
  ...[`data=${data}`, 'imagine.on=false', `retrieve.k=${k}`, 'reader.engine=vllm', `vllm.urls=${url}`],
  ...[`vllm.tokenizer=${model}`, `vllm.concurrency.start=${atOnce}`, `vllm.concurrency.max=${atOnce}`],
]

const valuesOf = async <T extends { run: string }>({ log, codec, names }: World, topic: Topic<T>, run: string) => {
  const found: T[] = []
  for await (const { value } of log.read(names.topic(topic))) {
    const read = value && (await codec.decode(topic, value))
    if (read?.run === run) found.push(read)
  }
  return found
}

/** What the label stage was given, as it asks the scorer for it. */
const asAsked = ({ query, passages }: Candidates) => ({
  ...{ question: query.question, answers: distinctGolds(query.answers, { lang: query.lang }).golds, passages },
})

const lines = (path: string, some: readonly object[]) => {
  writeFileSync(path, some.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return path
}

/** Through the whole pipeline; the run's candidates are then there for the other way. */
const piped = async (world: World, watch: ReturnType<typeof stopwatch>, run: string, some: readonly LabelQuery[]) => {
  const asked = some.map(({ id, question, answers }) => ({ id, question, answers }))
  const path = lines(join(world.config.data, `${run}.jsonl`), asked)
  const entry = await bring(world, io, { path, kind: queryFile('nq'), run, topology: 'synthesis' })
  watch.reset()
  const from = performance.now()
  await work(world, { stages: ['imagine', 'retrieve', 'label'], entry, what: 'labelling', untilEmpty: true }, never)
  const made = await valuesOf(world, gains, run)
  const window = watch.window()
  const labelled = made.reduce((sum, each) => sum + each.gains.length, 0)
  if (labelled !== window.passages) throw new Error(`${labelled} gains came out, ${window.passages} were computed`)
  return { window, whole: (performance.now() - from) / 1000 }
}

const main = async (found: Servers, server: BenchServer, data: string) => {
  const config = readConfig({ file: undefined, env: {}, set: settings(found, server, data), flags: {} })
  const watch = stopwatch()
  const opened = await openWorld(config, screen, process.env, { create: true })
  const direct = await openVllm({ source: { kind: 'list', urls: [server.url] }, tokenizer: server.model, concurrency: { start: atOnce, max: atOnce } }) // prettier-ignore
  try {
    const world = await openStream(watch.over(opened), never)
    const queries = labelQueries({ folder: values.data, queries: Number(values.queries), passages: k })
    const corpus = [...new Map(queries.flatMap(({ passages }) => passages.map((each) => [each.id, each]))).values()]
    const path = lines(join(data, 'corpus.jsonl'), corpus)
    await bring(world, io, { path, kind: passageFile, run: 'corpus', topology: 'indexing' })
    await work(world, { stages: ['index'], what: 'indexing', untilEmpty: true }, never)

    const driven = async (run: string): Promise<Window> => {
      const asked = (await valuesOf(world, candidates, run)).map(asAsked)
      await server.forget()
      return worked(await scoring(direct.scorer, answering)(asked, never), atOnce)
    }
    const [pipeline, directly, whole]: [Window[], Window[], number[]] = [[], [], []]
    const size = Math.ceil(queries.length / Number(values.turns))
    for (let from = 0; from < queries.length; from += size) {
      const run = `turn-${1 + from / size}`
      await server.forget()
      const one = await piped(world, watch, run, queries.slice(from, from + size))
      pipeline.push(one.window)
      whole.push(one.whole)
      directly.push(await driven(run))
      say(`${run}: pipeline ${rate(one.window).toFixed(2)}, directly ${rate(directly.at(-1)!).toFixed(2)} passages/s`)
    }
    const [ours, theirs] = [total(pipeline), total(directly)]
    const figures = {
      ...{ queries: queries.length, passages: ours.passages, corpus: corpus.length, atOnce },
      pipeline: { passagesPerSecond: rounded(rate(ours)), turns: pipeline.map((one) => rounded(rate(one))) },
      directly: { passagesPerSecond: rounded(rate(theirs)), turns: directly.map((one) => rounded(rate(one))) },
      ratio: rounded(rate(ours) / rate(theirs), 3),
      /** With joining the groups, and with hearing that nothing is left. */
      wholeSeconds: whole.map((seconds) => rounded(seconds, 1)),
    }
    const about = { machine: machine(), log: found.what, server: direct.scorer.identity, dtype: values.dtype }
    console.log(values.json ? JSON.stringify({ bench: 'label pipeline', ...about, ...figures }) : { ...about, ...figures }) // prettier-ignore
  } finally {
    await direct.close()
    await opened.close()
  }
}

const lacking = missing(values.data)
if (lacking === undefined) {
  const server = await benchServer({ url: values.url, dtype: values.dtype as Dtype, threads: 2 })
  const found = await servers()
  const data = mkdtempSync(join(tmpdir(), 'gainstream-bench-'))
  try {
    await main(found, server, data)
  } finally {
    await found.stop()
    await server.stop()
    rmSync(data, { recursive: true, force: true })
  }
} else console.error(`skipped: ${lacking}`)
