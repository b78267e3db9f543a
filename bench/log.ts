/**
 * The embedded log by itself: records a second and latency from a source to a settled copy, for small records and for
 * records with passages in them, and the memory of a process while a million records wait.
 *
 *     node bench/log.ts [--json] [--records N] [--waiting N]
 */
import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openSqliteLog } from '../adapters/sqlite/log.ts'
import type { Claim, Log, Outgoing, Seat } from '../runtime/log.ts'
import { inFolder } from './folder.ts'

const kb = 1024
const mb = 1024 * 1024
const never = new AbortController().signal

interface Load {
  name: string
  /** Bytes of one value. */
  size: number
  records: number
  /** Records of one transaction. */
  batch: number
  /** Records a second that the source writes; as fast as it can without. */
  rate?: number
}

const spec = (name: string) => ({
  name,
  partitions: 1,
  retention: 'forever' as const,
  compact: false,
  maxBytes: 16 * mb,
})

const outgoing = (topic: string, n: number, value: Buffer): Outgoing => ({
  topic,
  partition: 0,
  key: Buffer.from(`bench/query-${n}`),
  value,
  headers: { run: 'bench', stage: 'copy', attempt: '1' },
  timestamp: Date.now(),
})

/** Random bytes, in which a copy can be told by its first four. */
const payload = (size: number) => Buffer.from(Array.from({ length: size }, () => Math.floor(Math.random() * 256)))

const done = async (seat: Seat, records: readonly Outgoing[], position: number) => {
  const outcome = await seat.settle({ records, settled: { position, note: '' } })
  if (outcome.kind !== 'done') throw new Error(`settle ended ${outcome.kind}`)
}

/** Writes the load; `sent[n]` is when record n was handed over (not kept where memory is measured). */
const produce = async (log: Log, { size, records, batch, rate }: Load, sent?: number[]) => {
  const seat = log.source('bench', 'source')
  await seat.open(never)
  const value = payload(size)
  const began = performance.now()
  for (let n = 0; n < records; n += batch) {
    if (rate) await sleep(Math.max(0, began + (n / rate) * 1000 - performance.now()))
    else await new Promise((resolve) => setImmediate(resolve)) // let the copier have its turn
    const many = Array.from({ length: Math.min(batch, records - n) }, (_, at) => outgoing('input', n + at, value))
    if (sent) for (const at of many.keys()) sent[n + at] = performance.now()
    await done(seat, many, n + many.length)
  }
}

/** Copies input to output, a transaction for each take; `latency[n]` is the time from handing over to settled. */
const copy = async (claim: Claim, { records, batch }: Load, sent: readonly number[], latency: number[]) => {
  let from = (await claim.open(never))?.position ?? 0
  while (latency.length < records) {
    const taken = await claim.take(from, { records: batch, bytes: 8 * mb }, never)
    await done(
      claim,
      taken.records.map(({ position: _, ...record }) => ({ ...record, topic: 'output' })),
      taken.next,
    )
    for (const { position } of taken.records) latency.push(performance.now() - (sent[position] ?? NaN))
    from = taken.next
  }
}

const claimed = (log: Log): Promise<Claim> =>
  new Promise((onClaim, onFailure) => void log.join({ group: 'bench', topic: 'input', onClaim, onFailure }))

const quantile = (values: readonly number[], q: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? NaN

const through = (load: Load, synchronous: 'NORMAL' | 'FULL') =>
  inFolder(async (path) => {
    const log = await openSqliteLog(path, { synchronous })
    await log.apply([spec('input'), spec('output')])
    const claim = await claimed(log)
    const [sent, latency]: [number[], number[]] = [[], []]
    const [began, cpu] = [performance.now(), process.cpuUsage()]
    await Promise.all([produce(log, load, sent), copy(claim, load, sent, latency)])
    const seconds = (performance.now() - began) / 1000
    const { user, system } = process.cpuUsage(cpu)
    await log.close()
    return {
      load: load.name,
      synchronous,
      records: load.records,
      perSecond: Math.round(load.records / seconds),
      p50: round(quantile(latency, 0.5)),
      p99: round(quantile(latency, 0.99)),
      cpuMicrosecondsPerRecord: Math.round((user + system) / load.records),
      bytesOnDiskPerRecord: Math.round(statSync(path).size / load.records),
    }
  })

const round = (n: number) => Math.round(n * 100) / 100
const rss = () => round(process.memoryUsage.rss() / mb)

/** Memory while the records wait, and while a member works through the first of them and a reader reads all. */
const waiting = (records: number) =>
  inFolder(async (path) => {
    const log = await openSqliteLog(path)
    await log.apply([spec('input'), spec('output')])
    const before = rss()
    await produce(log, { name: 'waiting', size: 200, records, batch: 500 })
    const written = rss()
    const claim = await claimed(log)
    await copy(claim, { name: 'first', size: 200, records: 50_000, batch: 500 }, [], [])
    const worked = rss()
    let read = 0
    for await (const _ of log.read('input')) read++
    const after = { records: read, before, written, worked, read: rss(), fileMB: round(statSync(path).size / mb) }
    await log.close()
    return after
  })

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    records: { type: 'string', default: '40000' },
    waiting: { type: 'string', default: '1000000' },
  },
})
const records = Number(values.records)
const loads: Load[] = [
  { name: '200 B, flat out, 500 a batch', size: 200, records: records * 5, batch: 500 },
  { name: '200 B, flat out, one a batch', size: 200, records: records / 4, batch: 1 },
  { name: '200 B, 500 a second, one by one', size: 200, records: records / 20, batch: 1, rate: 500 },
  { name: '70 KB, flat out, 50 a batch', size: 70 * kb, records: records / 10, batch: 50 },
  { name: '70 KB, 100 a second, one by one', size: 70 * kb, records: records / 80, batch: 1, rate: 100 },
]
// First, while the process is as small as it gets.
const memory = await waiting(Number(values.waiting))
if (!values.json) console.log({ memoryMB: memory })
const figures = []
for (const synchronous of ['NORMAL', 'FULL'] as const)
  for (const load of loads) {
    const figure = await through(load, synchronous)
    figures.push(figure)
    if (!values.json) console.log(figure)
  }
if (values.json) console.log(JSON.stringify({ memoryMB: memory, log: figures }, null, 1))
