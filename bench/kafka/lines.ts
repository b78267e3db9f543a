/** What the benchmarks on Kafka send: records of one field of text, through Avro, and how a topic is filled with them. */
import { randomBytes } from 'node:crypto'
import { confluentRegistry } from '../../adapters/registry/index.ts'
import { CompressionTypes, Kafka, logLevel } from '../../adapters/kafka/vendor.ts'
import { partitionOf } from '../../runtime/partition.ts'
import type { Names, Topic } from '../../runtime/topic.ts'
import { avroCodec } from '../../schemas/codec.ts'
import { lines, type Line } from '../line.ts'

export type { Line } from '../line.ts'
export const [inputs, outputs] = [lines('inputs'), lines('outputs')]

/** Every benchmark runs in a namespace of its own, so that a broker may be used again. */
export const freshPrefix = () => `bench-${Date.now().toString(36)}${randomBytes(2).toString('hex')}`

/** Schemas stand under the topic's whole name, as the stream's own do. */
export const codecFor = (registry: string, names: Names) =>
  avroCodec(confluentRegistry({ url: registry, create: true }), {
    subject: (name) => `${names.prefix}.${names.stream}.${name}-value`,
  })

export const clientFor = (brokers: readonly string[]) =>
  new Kafka({ clientId: 'bench', brokers: [...brokers], logLevel: logLevel.NOTHING, retry: { retries: 10 } })

/** Words of which few are frequent, so that a text compresses about as well as a passage does. */
const words = Array.from({ length: 4000 }, (_, n) =>
  Array.from({ length: 2 + (n % 9) }, (_, at) => String.fromCharCode(97 + ((n * 31 + at * 17 + n * at * 7) % 26))).join(
    '',
  ),
)
const word = () => words[Math.floor(words.length * Math.random() ** 3)] ?? ''
const textOf = (bytes: number) => {
  let text = ''
  while (text.length < bytes) text += `${word()} `
  return text.slice(0, bytes)
}
/** Enough different texts that no compression window holds two of the same. */
export const textsOf = (bytes: number) => Array.from({ length: bytes > 10_000 ? 64 : 500 }, () => textOf(bytes))

export interface Filling {
  readonly brokers: readonly string[]
  readonly names: Names
  readonly codec: ReturnType<typeof codecFor>
  readonly topic: Topic<Line>
  readonly partitions: number
  readonly records: number
  readonly bytes: number
}

/** Writes `records` lines as fast as it goes, compressed as the log itself would. Ids count from 0. */
export const fill = async ({ brokers, names, codec, topic, partitions, records, bytes }: Filling) => {
  await codec.prepare([topic])
  const producer = clientFor(brokers).producer({ maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  const texts = textsOf(bytes)
  const batch = Math.max(1, Math.min(1000, Math.floor(400_000 / bytes)))
  const compression = CompressionTypes[bytes >= 1000 ? 'ZSTD' : 'None']
  for (let n = 0; n < records; n += batch * partitions) {
    const messages = Array.from({ length: Math.min(batch * partitions, records - n) }, (_, at) => {
      const line = { id: String(n + at), text: texts[(n + at) % texts.length] ?? '' }
      const key = topic.key(line)
      return {
        key,
        value: codec.encode(topic, line),
        partition: partitionOf(key, partitions),
        headers: { run: 'bench' },
      }
    })
    await producer.send({ topic: names.topic(topic), messages, compression })
  }
  await producer.disconnect()
}
