/** The real engine with one small stage, on a log of its own: what a tenant's worker does. */
import { openKafkaLog, type KafkaOptions } from '../../../adapters/kafka/log.ts'
import { bind, engine, specOf } from '../../../runtime/engine.ts'
import type { Log } from '../../../runtime/log.ts'
import { unobserved } from '../../../runtime/observe.ts'
import { partitionOf } from '../../../runtime/partition.ts'
import { bulk } from '../../../runtime/policy.ts'
import { processor } from '../../../runtime/processor.ts'
import { table } from '../../../runtime/table.ts'
import { names } from '../../../runtime/topic.ts'
import { codec, inputs, never, outputs, rejects, totals, type Thing } from '../../runtime/records.ts'
import { brisk } from './storage.ts'

const partitions = 2
const copy = processor<Thing, unknown>({
  ...{ name: 'copy', from: inputs, to: [outputs], policy: bulk({ commitEvery: 50 }) },
  step: async (thing) => [outputs.message(thing)],
})

/** Brings records in from outside, copies them through a stage to the end, and gives the ids that came out. */
export const copied = async (access: KafkaOptions, prefix: string, stream: string, count = 20): Promise<string[]> => {
  const log = await openKafkaLog({ ...access, ...brisk, patience: 10_000 })
  try {
    const named = names(prefix, stream)
    await log.apply([inputs, outputs, rejects, totals].map((topic) => specOf(named, topic, partitions)))
    await bring(log, prefix, stream, count)
    const running = await engine({
      ...{ log, stages: [bind(copy, {})], partitions, codec, names: named, now: Date.now, rejects, totals },
      ...{ table: table(log, named.topic(totals)), observe: unobserved },
    })
    await running.untilEmpty(never)
    await running.stop()
    const found: string[] = []
    for await (const { value } of log.read(named.topic(outputs))) found.push((JSON.parse(String(value)) as Thing).id)
    return found.sort()
  } finally {
    await log.close()
  }
}

const bring = async (log: Log, prefix: string, stream: string, count: number) => {
  const named = names(prefix, stream)
  const seat = log.source(named.group('ingest'), 'file')
  const begun = (await seat.open(never))?.position ?? 0
  const records = ids(count).map((id) => {
    const key = `monday/${id}`
    return {
      ...{ topic: named.topic(inputs), partition: partitionOf(key, partitions), key: Buffer.from(key) },
      ...{ value: Buffer.from(JSON.stringify({ id })), headers: {}, timestamp: Date.now() },
    }
  })
  const outcome = await seat.settle({ records, settled: { position: begun + count, note: '' } })
  if (outcome.kind !== 'done') {
    await seat.open(never) // says why, where nothing can be settled as things are
    throw new Error(`the records were not brought in: ${outcome.kind}`)
  }
  await seat.close()
}

export const ids = (count = 20) => Array.from({ length: count }, (_, n) => `n${n}`).sort()
