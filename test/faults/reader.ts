/** An independent reader: kafkajs's own consumer under read_committed, which shares nothing with the adapter's reading. */
import { randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'
import { pause } from '../../runtime/wait.ts'

export interface Seen {
  readonly partition: number
  readonly offset: number
  readonly key: string
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string>>
}

export const kafkaOf = (brokers: readonly string[]) =>
  new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 12 } })

export const administering = async <T>(brokers: readonly string[], work: (admin: kafkajs.Admin) => Promise<T>) => {
  const admin = kafkaOf(brokers).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

/** Where each partition ends now; none of those that are empty. */
const endsOf = (brokers: readonly string[], topic: string) =>
  administering(brokers, async (admin) => {
    const found = await admin.fetchTopicOffsets(topic)
    return new Map(found.flatMap(({ partition, low, high }) => (low === high ? [] : [[partition, Number(high)]])))
  })

const patience = 120_000

/** Every committed record of a topic up to where it ends now. @throws Error when the end is not reached in two minutes */
export const everything = async (brokers: readonly string[], topic: string): Promise<Seen[]> => {
  const left = await endsOf(brokers, topic)
  const seen: Seen[] = []
  if (left.size === 0) return seen
  const consumer = kafkaOf(brokers).consumer({ groupId: `audit-${randomUUID()}`, maxWaitTimeInMs: 200 })
  consumer.on('consumer.end_batch_process', ({ payload: { partition, lastOffset } }) => {
    if (Number(lastOffset) + 1 >= (left.get(partition) ?? 0)) left.delete(partition)
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch: { partition, messages } }) => {
      for (const { offset, key, value, headers = {} } of messages) {
        const texts = Object.entries(headers).map(([name, text]) => [name, String(text)] as const)
        const at = { partition, offset: Number(offset) }
        seen.push({ ...at, key: String(key), value, headers: Object.fromEntries(texts) })
      }
    },
  })
  const until = Date.now() + patience
  while (left.size > 0 && Date.now() < until) await pause(50)
  await consumer.disconnect()
  if (left.size > 0) throw new Error(`${topic} could not be read to its end: ${JSON.stringify([...left])}`)
  return seen
}
