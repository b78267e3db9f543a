/** Is a broker ready? An open port is not: a topic was made and a transaction went through. */
import { Kafka, logLevel } from '../kafka/vendor.ts'

const topic = 'gainstream-stack-probe'

/** kafkajs keeps asking by itself; here the caller does. */
const client = (address: string) =>
  new Kafka({
    ...{ clientId: topic, brokers: [address], logLevel: logLevel.NOTHING },
    ...{ connectionTimeout: 2_000, requestTimeout: 10_000, retry: { retries: 2, initialRetryTime: 50 } },
  })
type Client = ReturnType<typeof client>

const isThere = (error: unknown) =>
  error instanceof Error && 'errors' in error && Array.isArray(error.errors)
    ? error.errors.every((each: { type?: unknown }) => each.type === 'TOPIC_ALREADY_EXISTS')
    : false

/** @returns false where the topic has no leader yet */
const written = async (kafka: Client, id: number) => {
  const producer = kafka.producer({
    ...{ transactionalId: `${topic}-${id}`, maxInFlightRequests: 1, idempotent: true, transactionTimeout: 5_000 },
    retry: { retries: 3, initialRetryTime: 50 },
  })
  try {
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: [{ partition: 0, value: null, key: 'probe' }] })
    await transaction.commit()
  } finally {
    await producer.disconnect().catch(() => {})
  }
}

/** @throws while the broker `id` at this address (`host:port`) does not do what brokers are for. */
export const probeBroker = async (address: string, id: number): Promise<void> => {
  const kafka = client(address)
  const admin = kafka.admin()
  try {
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    if (!brokers.some(({ nodeId }) => nodeId === id)) throw new Error(`broker ${id} has not joined its cluster yet`)
    const made = { topic, numPartitions: 1, configEntries: [{ name: 'retention.ms', value: '60000' }] }
    await admin.createTopics({ topics: [made], waitForLeaders: false }).catch((error: unknown) => {
      if (!isThere(error)) throw error
    })
    await written(kafka, id)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}
