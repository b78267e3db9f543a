/**
 * The runtime on the embedded log: a stage that copies what it reads, Avro both ways, totals folded, six partitions,
 * one process. Records a second, CPU a record, and from entering to settled when records trickle in.
 *
 *     node bench/lane.ts [--json] [--records N]
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openSqliteLog } from '../adapters/sqlite/log.ts'
import { sqliteRegistry } from '../adapters/sqlite/registry.ts'
import { bind, engine, specOf } from '../runtime/engine.ts'
import { unobserved } from '../runtime/observe.ts'
import { bulk, interactive } from '../runtime/policy.ts'
import { processor } from '../runtime/processor.ts'
import { enter } from '../runtime/source.ts'
import { table } from '../runtime/table.ts'
import { names } from '../runtime/topic.ts'
import { avroCodec } from '../schemas/codec.ts'
import { rejects, totals } from '../topics/index.ts'
import { inFolder } from './folder.ts'
import { lines, type Line } from './line.ts'

const [input, output] = [lines('input'), lines('output')]
const partitions = 6
const never = new AbortController().signal

const copying = (policy: ReturnType<typeof bulk>) =>
  processor({ name: 'copy', from: input, to: [output], policy, step: async (line: Line) => [output.message(line)] })

const open = async (path: string) => {
  const log = await openSqliteLog(path)
  const named = names('bench', 'lane')
  const codec = avroCodec(sqliteRegistry(log), { subject: (name) => name })
  await codec.prepare([input, output, totals])
  await log.apply([input, output, rejects, totals].map((each) => specOf(named, each, partitions)))
  const source = { log, codec, names: named, partitions, origin: 'bench', now: Date.now, signal: never }
  const work = (policy: ReturnType<typeof bulk>) =>
    engine({
      ...{ log, codec, names: named, partitions, totals, rejects, observe: unobserved, now: Date.now },
      stages: [bind(copying(policy), {})],
      table: table(log, named.topic(totals)),
    })
  return { log, named, source, work }
}

/** A backlog, as fast as it goes. */
const flatOut = (size: number, records: number) =>
  inFolder(async (path) => {
    const { log, source, work } = await open(path)
    const text = 'x'.repeat(size)
    await enter({ ...source, name: 'backlog' }, () =>
      Array.from({ length: records }, (_, n) => ({ message: input.message({ id: String(n), text }), position: n + 1 })),
    )
    const [began, cpu] = [performance.now(), process.cpuUsage()]
    const running = await work(bulk({ inFlight: 64 }))
    await running.untilEmpty(never)
    const seconds = (performance.now() - began) / 1000
    const { user, system } = process.cpuUsage(cpu)
    await running.stop()
    await log.close()
    const perSecond = Math.round(records / seconds)
    return { size, records, perSecond, cpuMicrosecondsPerRecord: Math.round((user + system) / records) }
  })

const quantile = (values: readonly number[], q: number) =>
  Math.round(10 * (values.toSorted((a, b) => a - b)[Math.floor(values.length * q)] ?? NaN)) / 10

/** One record at a time, `rate` a second: how long until its copy can be read. */
const trickle = (size: number, records: number, rate: number) =>
  inFolder(async (path) => {
    const { log, named, source, work } = await open(path)
    const running = await work(interactive({ inFlight: 64 }))
    const sent = new Map<string, number>()
    const latency: number[] = []
    const stop = new AbortController()
    const reading = (async () => {
      for await (const { key } of log.read(named.topic(output), { until: 'forever', signal: stop.signal })) {
        latency.push(performance.now() - sent.get(String(key))!)
        if (latency.length === records) stop.abort()
      }
    })()
    const text = 'x'.repeat(size)
    for (let n = 0; n < records; n++) {
      const message = input.message({ id: String(n), text })
      sent.set(message.key, performance.now())
      await enter({ ...source, name: `live/${n}` }, () => [{ message, position: 1 }])
      await sleep(1000 / rate)
    }
    await reading
    await running.stop()
    await log.close()
    return { size, records, rate, p50: quantile(latency, 0.5), p99: quantile(latency, 0.99) }
  })

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, records: { type: 'string', default: '100000' } },
})
const records = Number(values.records)
const figures = {
  flatOut: [await flatOut(200, records), await flatOut(70 * 1024, Math.ceil(records / 25))],
  trickleMs: [await trickle(200, 300, 50), await trickle(70 * 1024, 100, 20)],
}
if (values.json) console.log(JSON.stringify(figures))
else console.log(figures)
