/** Records at a fixed rate into a topic that somebody copies: how long until a read_committed reader has the copy. */
import { setTimeout as sleep } from 'node:timers/promises'
import { openKafkaLog } from '../../adapters/kafka/log.ts'
import { CompressionTypes } from '../../adapters/kafka/vendor.ts'
import type { Codec } from '../../runtime/codec.ts'
import { partitionOf } from '../../runtime/partition.ts'
import type { Names } from '../../runtime/topic.ts'
import { clientFor, inputs, outputs, textsOf } from './lines.ts'
import { loadNow, quantile } from './machine.ts'

export interface Trickle {
  readonly brokers: readonly string[]
  readonly named: Names
  readonly codec: Codec
  readonly partitions: number
  readonly bytes: number
  /** Records a second. */
  readonly rate: number
  readonly seconds: number
}

const tick = 10

export const trickle = async (options: Trickle) => {
  const { brokers, named, codec, bytes, rate, seconds, partitions } = options
  await codec.prepare([inputs])
  const load = loadNow()
  const log = await openKafkaLog({ brokers })
  const producer = clientFor(brokers).producer()
  await producer.connect()
  const texts = textsOf(bytes)
  const sent = new Map<string, number>()
  const latency: number[] = []
  const total = rate * seconds
  const mark = `live${Date.now()}-`
  const message = (n: number) => {
    const line = { id: `${mark}${n}`, text: texts[n % texts.length] ?? '' }
    const key = inputs.key(line)
    sent.set(key, performance.now())
    return {
      key,
      value: codec.encode(inputs, line),
      partition: partitionOf(key, partitions),
      headers: { run: 'bench' },
    }
  }
  const topic = named.topic(inputs)
  const compression = CompressionTypes[bytes >= 1000 ? 'ZSTD' : 'None']
  const from = (await log.describe(named.topic(outputs)))?.partitions.map(({ end }) => end) ?? []
  const producing = async () => {
    const began = performance.now()
    for (let n = 0; n < total;) {
      const due = Math.min(total, Math.floor(((performance.now() - began) / 1000) * rate))
      const messages = []
      while (n < due) messages.push(message(n++))
      if (messages.length > 0) void producer.send({ topic, messages, compression })
      await sleep(tick)
    }
  }
  const reading = async () => {
    for await (const { key } of log.read(named.topic(outputs), { from, until: 'forever' })) {
      const at = sent.get(String(key))
      if (at === undefined) continue
      latency.push(performance.now() - at)
      if (latency.length === total) return
    }
  }
  await Promise.all([producing(), reading()])
  await producer.disconnect()
  await log.close()
  const counted = latency.slice(2 * rate) // the first seconds warm up
  return { rate, sent: total, p50: quantile(counted, 0.5), p99: quantile(counted, 0.99), loadAtLatency: load }
}
