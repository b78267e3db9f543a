/**
 * `gainstream runs` over a million metrics on Kafka: answers of no reader are graded by the real stage, `gainstream start
 * --only evaluate --until-empty`, whose lanes fold the totals; then the runs are shown, and counted again from the topic.
 * Work is from opening the log to the last figure in a process that runs already; wall is that of the whole command.
 *
 *     npm run bench -- kafka/runs [--json] [--records N]
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CompressionTypes } from '../../adapters/kafka/vendor.ts'
import { readConfig } from '../../cli/config.ts'
import { allRuns, runState } from '../../cli/runs.ts'
import { existingStream } from '../../cli/streams.ts'
import { openWorld } from '../../cli/world.ts'
import { partitionOf } from '../../runtime/partition.ts'
import { names } from '../../runtime/topic.ts'
import type { Answer } from '../../schemas/answer.ts'
import { answers } from '../../topics/index.ts'
import { bench, partitions, settingOn, type Setting } from './bench.ts'
import { clientFor, codecFor } from './lines.ts'
import { loadNow, rounded } from './machine.ts'

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, records: { type: 'string', default: '1000000' } },
})
const records = Number(values.records)
const [stream, run] = ['main', 'million']

const settings = ({ brokers, registry, prefix }: Setting) => [
  ...['engine=kafka', `prefix=${prefix}`, `stream=${stream}`, `partitions=${partitions}`],
  ...[`kafka.brokers=${brokers.join(',')}`, `registry.url=${registry}`, 'data=/nonexistent'],
]

const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts')
/** What a command of the command line prints, and how long it took, in seconds, from start to end of its process. */
const gainstream = (setting: Setting, ...args: string[]) =>
  new Promise<{ out: string; seconds: number }>((resolve, reject) => {
    const began = performance.now()
    const given = settings(setting).flatMap((each) => ['--set', each])
    const child = spawn(process.execPath, [main, ...args, ...given], { stdio: ['ignore', 'pipe', 'inherit'] })
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.on('close', (code) => {
      if (code === 0) resolve({ out, seconds: rounded((performance.now() - began) / 1000, 2) })
      else reject(new Error(`gainstream ${args.join(' ')} ended with ${code}`))
    })
  })

const usage = { calls: 1, prompt_tokens: 200, output_tokens: 5, cache_hits: 0, seconds: 0.2 }
const identity = { model: 'none', revision: '', dtype: '', server: '', runner: '', plugin: '', prompt: null }
/** Every third answer is right. */
const answer = (n: number): Answer => {
  const query = { id: `q${n}`, question: `Question ${n}?`, answers: ['forty-two'], dataset: 'made', lang: 'en' }
  const about = { run, asked_at: 1, query: { ...query, gold_passage_ids: ['p1'] } }
  const scored = [{ id: 'p1', rank: 1, score: 1, source: 'retrieved', has_answer: true, gold: n % 2 === 0 }]
  const context = {
    ...about,
    kept: [],
    scored,
    selector: { name: 'retrieval order', sha256: '' },
    abstained: false,
    shadow: null,
  }
  const prediction = n % 3 === 0 ? 'Forty-two' : 'something else'
  return { context, prediction, passages: 1, reader: identity, usage, answered_at: 2, cut: null }
}

const filledWith = async ({ brokers, registry, prefix }: Setting) => {
  const named = names(prefix, stream)
  const codec = codecFor(registry, named)
  await codec.prepare([answers])
  const producer = clientFor(brokers).producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const batch = 6000
  for (let from = 0; from < records; from += batch) {
    const messages = Array.from({ length: Math.min(batch, records - from) }, (_, at) => {
      const value = answer(from + at)
      const key = answers.key(value)
      return { key, value: codec.encode(answers, value), partition: partitionOf(key, partitions), headers: { run } }
    })
    await producer.send({ topic: named.topic(answers), messages, compression: CompressionTypes.ZSTD })
  }
  await producer.disconnect()
}

/** Seconds of the work alone, in a world that has read nothing yet. */
const worked = async (setting: Setting) => {
  const config = readConfig({ file: undefined, env: {}, set: settings(setting), flags: {}, defaults: {} })
  const began = performance.now()
  const opened = await openWorld(config, { tty: false, write: () => {} }, process.env)
  const world = await existingStream(opened)
  const [entry] = await allRuns(world)
  if (!entry) throw new Error('there is no run')
  const state = await runState(world, entry)
  const seconds = rounded((performance.now() - began) / 1000, 3)
  await world.close()
  return { seconds, outcomes: state.outcomes, complete: state.complete }
}

interface Row {
  readonly done: number
  readonly complete: boolean
  readonly outcomes: Readonly<Record<string, number>>
  readonly recount?: { readonly outcomes: Readonly<Record<string, number>> }
}

await bench(values.json, async (servers, say) => {
  const setting = settingOn(servers)
  await gainstream(setting, 'topics', 'apply', '--execute')
  await gainstream(setting, 'runs', 'open', run, '--topology', 'answering')
  await filledWith(setting)
  const graded = await gainstream(setting, 'start', '--only', 'evaluate', '--until-empty')
  await gainstream(setting, 'runs', 'close', run, '--queries', String(records))
  say({ records, gradedPerSecond: Math.round(records / graded.seconds) })
  const load = loadNow()
  const work = [await worked(setting), await worked(setting), await worked(setting)]
  const wall = [await gainstream(setting, 'runs', '--json'), await gainstream(setting, 'runs', '--json')]
  const recounted = await gainstream(setting, 'runs', '--recount', '--json')
  const [row] = JSON.parse(recounted.out) as Row[]
  const equal = JSON.stringify(row?.outcomes) === JSON.stringify(row?.recount?.outcomes) && row?.done === records
  return {
    ...{ records, load, gradedPerSecond: Math.round(records / graded.seconds) },
    ...{ workSeconds: work.map(({ seconds }) => seconds), wallSeconds: wall.map(({ seconds }) => seconds) },
    ...{ recountSeconds: recounted.seconds, outcomes: row?.outcomes, recount: row?.recount?.outcomes, equal },
    target: { workSeconds: 1 },
  }
})
