/**
 * Queries flow while selectors are promoted and the worker that selects is killed: what is lost, doubled, or chosen by
 * nobody knows whom? Run by hand:
 *
 *     node test/faults/selector/run.ts [--queries 2000] [--kills 4] [--kafka]
 *
 * On SQLite, or with --kafka on the broker and the registry of GAINSTREAM_TEST_BROKERS and GAINSTREAM_TEST_REGISTRY.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { uriOf } from '../../../adapters/artifact-source.ts'
import { writeSelector } from '../../../adapters/selectors/index.ts'
import { openRun } from '../../../cli/runs.ts'
import { promote, type Version } from '../../../cli/selectors/entries.ts'
import { sourceOf } from '../../../cli/streams.ts'
import type { World } from '../../../cli/world.ts'
import { enter } from '../../../runtime/source.ts'
import { pause } from '../../../runtime/wait.ts'
import { candidates, contexts } from '../../../topics/index.ts'
import { entry, folder } from '../../cli/command.ts'
import { openKafkaStream, openTestStream } from '../../cli/stream.ts'
import { candidate } from '../../method/candidate.ts'

const { values } = parseArgs({
  options: {
    queries: { type: 'string', default: '2000' },
    kills: { type: 'string', default: '4' },
    kafka: { type: 'boolean', default: false },
  },
})
const [total, kills] = [Number(values.queries), Number(values.kills)]
const { signal } = new AbortController()
const began = Date.now()
const say = (text: string) => console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}`)

const stream = values.kafka ? await openKafkaStream('select.by=model') : await openTestStream('select.by=model')
const { world } = stream
const here = folder()

const light = async (name: string, weight: number): Promise<Version & { path: string }> => {
  const linear = { features: ['length', 'place'], mean: [0, 0], scale: [1, 1], weights: [weight, 1] }
  const settings = { name, encoder: null, linear, min_score: null, trained: null }
  const made = await writeSelector(join(here.path, name), settings, { 'notes.txt': Buffer.from(name) })
  return { ...made.identity, uri: uriOf(made.path), path: made.path }
}

/** The worker as anybody starts it. */
let alarms = 0
const worker = ({ config }: World): ChildProcess => {
  const { data, engine, prefix, kafka, registry } = config
  const servers = engine === 'kafka' ? [`kafka.brokers=${kafka.brokers.join()}`, `registry.url=${registry.url}`] : []
  const set = servers.flatMap((one) => ['--set', one])
  const args = ['start', '--only', 'select', '--data', data, '--engine', engine, '--prefix', prefix, ...set]
  const child = spawn(process.execPath, [entry, ...args], { cwd: here.path, stdio: ['ignore', 'ignore', 'pipe'] })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    alarms += text.split('cannot be used in stream').length - 1
  })
  return child
}

const passages = Array.from({ length: 10 }, (_, i) => candidate(`p${i}`, i + 1, { text: 'word '.repeat(20 - i) }))
const feed = async (from: number, until: number) => {
  const items = Array.from({ length: until - from }, (_, i) => {
    const query = { id: `q${from + i}`, question: 'Which?', answers: [], dataset: '', lang: 'en', gold_passage_ids: [] }
    const message = candidates.message({ run: 'load', asked_at: 0, query, passages }, { run: 'load' })
    return { message, position: i + 1 }
  })
  await enter(sourceOf(world, `feed/${from}`, 'test', signal), () => items)
}

const read = async () => {
  const ids: string[] = []
  const by = new Map<string, number>()
  for await (const { value } of world.log.read(world.names.topic(contexts))) {
    if (!value) continue
    const { query, selector } = await world.codec.decode(contexts, value)
    ids.push(query.id)
    by.set(`${selector.name} ${selector.sha256.slice(0, 8)}`, (by.get(`${selector.name} ${selector.sha256.slice(0, 8)}`) ?? 0) + 1) // prettier-ignore
  }
  return { ids, by }
}

const five = await Promise.all([1, 2, 3, 4, 5].map((n) => light(`light-${n}`, n)))
const spoilt = await light('spoilt', 9)
writeFileSync(join(spoilt.path, 'notes.txt'), 'somebody wrote over it')
const offered = [five[1]!, five[2]!, spoilt, five[3]!, five[4]!]

await promote(world, five[0]!, '', signal)
await openRun(world, { run: 'load', topology: 'answering', source: '' }, signal)
let child = worker(world)
const steps = 100
/** Spread over the middle of the load, each kind at moments of its own. */
const due = (step: number, times: number, shift: number) =>
  Array.from({ length: times }, (_, i) => Math.round(((i + shift) / times) * steps)).indexOf(step)

for (let step = 0; step < steps; step++) {
  await feed(Math.round((step * total) / steps), Math.round(((step + 1) * total) / steps))
  const next = offered[due(step, offered.length, 0.4)]
  if (next) {
    await promote(world, next, '', signal)
    say(`${next.name} promoted`)
  }
  if (due(step, kills, 0.5) >= 0) {
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('close', resolve))
    say(`worker killed after ${(await read()).ids.length} contexts`)
    child = worker(world)
  }
  await pause(kills === 0 ? 100 : 600)
}
for (const late = Date.now() + 180_000; Date.now() < late && (await read()).ids.length < total;) await pause(1000)
child.kill('SIGTERM')
await new Promise((resolve) => child.once('close', resolve))

const { ids, by } = await read()
const lost = total - new Set(ids).size
const doubled = ids.length - new Set(ids).size
const known = new Set(five.map(({ name, sha256 }) => `${name} ${sha256.slice(0, 8)}`))
const strangers = [...by].filter(([name]) => !known.has(name))
for (const [name, n] of by) say(`${name} chose for ${n}`)
say(`${total} queries, ${kills} kills: ${lost} lost, ${doubled} doubled, ${strangers.length} unknown selectors, ${alarms} alarms`) // prettier-ignore
await stream.close()
here.remove()
if (lost + doubled + strangers.length > 0 || alarms === 0) process.exitCode = 1
