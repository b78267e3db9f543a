/** The peer without guarantees: a kafkajs consumer and producer, no transactions, Avro both ways. May lose and double. */
import { CompressionTypes } from '../../adapters/kafka/vendor.ts'
import { names } from '../../runtime/topic.ts'
import { clientFor, codecFor, inputs, outputs } from './lines.ts'

export interface Orders {
  readonly brokers: readonly string[]
  readonly registry: string
  readonly prefix: string
  readonly group: string
  readonly compressed: boolean
  readonly commitEvery: number
}

const work = async ({ brokers, registry, prefix, group, compressed, commitEvery }: Orders) => {
  const named = names(prefix, 'lines')
  const codec = codecFor(registry, named)
  await codec.prepare([inputs, outputs])
  const client = clientFor(brokers)
  const [consumer, producer] = [client.consumer({ groupId: group }), client.producer()]
  await Promise.all([consumer.connect(), producer.connect()])
  await consumer.subscribe({ topic: named.topic(inputs), fromBeginning: true })
  const compression = CompressionTypes[compressed ? 'ZSTD' : 'None']
  await consumer.run({
    autoCommitInterval: commitEvery,
    partitionsConsumedConcurrently: 6,
    async eachBatch({ batch }) {
      const messages = await Promise.all(
        batch.messages.map(async ({ key, value, timestamp, headers = {} }) => {
          const line = await codec.decode(inputs, value ?? Buffer.alloc(0))
          return { key, value: codec.encode(outputs, line), partition: batch.partition, timestamp, headers }
        }),
      )
      await producer.send({ topic: named.topic(outputs), messages, compression })
    },
  })
  process.once('SIGTERM', () => void consumer.disconnect().then(() => process.exit(0)))
  console.log('ready')
}

await work(JSON.parse(process.argv[2] ?? '{}') as Orders)
