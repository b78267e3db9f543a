/**
 * Real processes, a real broker, and real signals: what is lost, doubled, or worked on twice? By hand:
 *
 *     GAINSTREAM_TEST_BROKERS=127.0.0.1:9092 node test/conformance/kafka-faults.ts workers-killed [records]
 *
 * `broker-killed` needs KAFKA_PID, a file with the broker's process id, and KAFKA_START, a command that starts it.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openKafkaLog } from '../../adapters/kafka/log.ts'
import type { Log } from '../../runtime/log.ts'
import { names } from '../../runtime/topic.ts'
import { merged, type Totals } from '../../runtime/totals.ts'
import { copies, ids, inputs, itemOf, rejects, totals } from './bench.ts'
import type { Orders } from './kafka-worker.ts'
import { idOf, out, readAll, sleep, spec, writer } from './tools.ts'

const brokers = (process.env['GAINSTREAM_TEST_BROKERS'] ?? '').split(',').filter(Boolean)
const [scenario = '', count = '10000', padding = '0', pace = '150'] = process.argv.slice(2)
const session = 5_000
const partitions = 6
const prefix = `faults${Date.now()}`
const named = names(prefix, 's')
const notes = mkdtempSync(join(tmpdir(), 'gainstream-faults-'))
const started = Date.now()
const say = (text: string) => console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`)

const workers = new Set<ChildProcess>()
let born = 0
const worker = (): ChildProcess => {
  const orders: Orders = {
    ...{ brokers, prefix, partitions, session, pace: Number(pace) },
    inFlight: Number(pace) > 0 ? 16 : 64,
    notes: Number(pace) > 0 ? join(notes, String(born++)) : '',
    verbose: process.env['VERBOSE'] !== undefined,
  }
  const path = join(import.meta.dirname, 'kafka-worker.ts')
  const child = spawn(process.execPath, [path, JSON.stringify(orders)], { stdio: 'inherit' })
  workers.add(child)
  child.on('exit', (code, signal) => {
    workers.delete(child)
    if (code) say(`a worker ended with ${code} ${signal ?? ''}`)
  })
  return child
}

const brokerKilled = async () => {
  const pid = Number(readFileSync(process.env['KAFKA_PID'] ?? '', 'utf8'))
  say(`kill -9 broker ${pid}`)
  process.kill(pid, 'SIGKILL')
  await sleep(1_000)
  spawnSync('sh', ['-c', process.env['KAFKA_START'] ?? ''], { stdio: 'ignore' })
}

const scenarios: Record<string, () => Promise<void>> = {
  async undisturbed() {
    worker()
  },
  async 'workers-killed'() {
    let live = worker()
    for (let kill = 0; kill < 4; kill++) {
      await sleep(5_000)
      say('kill -9 worker')
      live.kill('SIGKILL')
      live = worker()
    }
  },
  async 'second-comes-and-goes'() {
    worker()
    for (let round = 0; round < 6; round++) {
      await sleep(1_500)
      const second = worker()
      await sleep(3_000)
      say(`a second worker goes by ${round % 2 ? 'kill -9' : 'SIGTERM'}`)
      second.kill(round % 2 ? 'SIGKILL' : 'SIGTERM')
    }
  },
  async 'worker-stopped'() {
    const [first] = [worker(), worker()]
    await sleep(4_000)
    say('SIGSTOP worker')
    first?.kill('SIGSTOP')
    await sleep(9_000)
    say('SIGCONT')
    first?.kill('SIGCONT')
    await sleep(2_000)
  },
  async 'broker-killed'() {
    worker()
    for (let kill = 0; kill < 2; kill++) {
      await sleep(4_000)
      await brokerKilled()
      await sleep(8_000)
    }
  },
}

const fill = async (log: Log) => {
  await log.apply([spec(named.topic(inputs), partitions, { maxBytes: inputs.maxBytes })])
  const source = await writer(log, prefix)
  const all = ids(Number(count))
  const text = 'x'.repeat(Number(padding))
  for (let at = 0; at < all.length; at += 500) {
    const record = (id: string, n: number) => ({
      ...out(named.topic(inputs), `run/${id}`, (at + n) % partitions, Buffer.from(JSON.stringify({ id, text }))),
      timestamp: Date.now(),
    })
    await source.write(all.slice(at, at + 500).map(record))
  }
  return all
}

const settled = async (log: Log) => {
  const info = await log.describe(named.topic(inputs))
  const found = await log.settled(named.group('copy'), named.topic(inputs))
  return info?.partitions.every(({ end }, p) => end <= (found[p]?.position ?? 0)) ?? false
}

const countsOf = async (log: Log) => {
  const newest = new Map<string, Totals>()
  for (const record of await readAll(log, named.topic(totals)))
    newest.set(idOf(record), JSON.parse(record.value?.toString() ?? '{}') as Totals)
  return merged([...newest.values()]).counts
}

const report = async (log: Log, all: readonly string[], seconds: number) => {
  const times = new Map<string, number>()
  const found = await readAll(log, named.topic(copies))
  for (const { value } of found) times.set(itemOf(value).id, (times.get(itemOf(value).id) ?? 0) + 1)
  const lost = all.filter((id) => !times.has(id)).length
  const doubled = [...times.values()].filter((n) => n > 1).length
  const steps = readdirSync(notes).flatMap((file) => readFileSync(join(notes, file), 'utf8').trim().split('\n'))
  const dead = (await readAll(log, named.topic(rejects))).length
  const counted = (await countsOf(log))['done'] ?? 0
  const again = steps.length - new Set(steps).size
  console.log(
    `RESULT ${scenario}: ${all.length} records, ${found.length} copies seen, ${lost} lost, ${doubled} doubled, ` +
      `${again} worked on twice, ${dead} rejects, totals say ${counted}, ${seconds.toFixed(1)} s, ` +
      `${Math.round(all.length / seconds)} records/s`,
  )
  return lost === 0 && doubled === 0 && counted === all.length
}

const main = async () => {
  const disturb = scenarios[scenario]
  if (!disturb || brokers.length === 0)
    throw new Error(`say GAINSTREAM_TEST_BROKERS and one of ${Object.keys(scenarios).join(', ')}`)
  const log = await openKafkaLog({ brokers })
  const all = await fill(log)
  say(`${all.length} records of ${padding} bytes and more are in; ${scenario} begins`)
  const began = Date.now()
  const disturbed = disturb()
  while (!(await settled(log))) await sleep(200)
  const seconds = (Date.now() - began) / 1000
  say('everything is settled')
  await disturbed
  const leaving = [...workers].map((child) => new Promise((resolve) => child.once('exit', resolve)))
  for (const child of workers) child.kill('SIGTERM')
  await Promise.race([Promise.all(leaving), sleep(20_000)])
  for (const child of workers) child.kill('SIGKILL')
  process.exitCode = (await report(log, all, seconds)) ? 0 : 1
  await log.remove({ topics: [inputs, copies, rejects, totals].map((each) => named.topic(each)), groups: [] })
  await log.close()
  rmSync(notes, { recursive: true })
}
await main()
