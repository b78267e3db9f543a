/**
 * One transactional producer under a stable id: whoever opens it shuts out everybody who had it before (I4).
 *
 * - T1 After a step that failed nothing is committed: a transaction whose only send failed answers a commit with OK.
 * - T2 After a step that failed the producer is thrown away: its sequence numbers are wrong from then on.
 * - T3 Records are sent before the offsets: right after a commit the brokers are often not ready for offsets.
 * - T4 A send goes to one partition. When one of several fails and a leader has changed meanwhile, kafkajs sends again
 *   what another broker has, and never sends what has moved to a broker that has answered: doubled, or lost.
 */
import type { Outgoing } from '../../runtime/log.ts'
import { pause } from '../../runtime/wait.ts'
import { release, type Client } from './client.ts'
import { isConcurrent } from './failures.ts'
import { bytesOf } from './headers.ts'
import { CompressionTypes, Partitioners } from './vendor.ts'

type Producer = ReturnType<Client['kafka']['producer']>
type Transaction = Awaited<ReturnType<Producer['transaction']>>

export interface Position {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly note: string
}

export interface Transactions {
  /** Shuts out earlier holders, and waits until what they had decided is written. */
  fence(): Promise<void>
  readonly open: boolean
  /** Everything or nothing, in record batches of at most `bytes`. @throws after which only `fence` is of use */
  commit(records: readonly Outgoing[], position: Position | undefined, bytes: number): Promise<void>
  discard(): void
}

/** One send is one record batch per partition, never split: at most this many records. */
const mostRecords = 500
/** From this many bytes a record on compression is worth its time. */
const worthwhile = 1_000

export const transactions = (client: Client, transactionalId: string): Transactions => {
  let producer: Producer | undefined
  let turn = 0
  const discard = () => {
    release(producer)
    producer = undefined
    client.closed.removeEventListener('abort', discard)
  }
  return {
    get open() {
      return producer !== undefined
    },
    discard,
    async fence() {
      discard()
      const mine = ++turn
      const made = client.kafka.producer({
        ...{ transactionalId, maxInFlightRequests: 1, allowAutoTopicCreation: false },
        transactionTimeout: client.settings.transactionTimeout,
        createPartitioner: Partitioners.DefaultPartitioner,
        retry: { initialRetryTime: 5, maxRetryTime: 200, retries: 20 },
      })
      try {
        await made.connect()
        const empty = await made.transaction()
        await empty.abort()
        if (mine !== turn) throw new Error(`${transactionalId} was fenced again in the meantime`)
      } catch (error) {
        release(made)
        throw error
      }
      producer = made
      client.closed.addEventListener('abort', discard, { once: true })
      if (client.closed.aborted) discard()
    },
    async commit(records, position, bytes) {
      if (!producer) throw new Error('this producer is not open')
      const mine = producer
      try {
        const transaction = await mine.transaction()
        for (const part of chunks(records, bytes)) await send(transaction, part)
        if (position) await sendPosition(transaction, position)
        await transaction.commit()
      } catch (error) {
        if (producer === mine) discard()
        throw error
      }
    },
  }
}

export const weightOf = ({ key, value, headers }: Outgoing): number =>
  Object.entries(headers).reduce(
    (sum, [name, text]) => sum + name.length + Buffer.byteLength(text) + 10,
    100 + (key?.length ?? 0) + (value?.length ?? 0),
  )

/** Each for one partition, in the order of its records. */
const chunks = (records: readonly Outgoing[], most: number): Outgoing[][] =>
  [...Map.groupBy(records, ({ topic, partition }) => `${topic} ${partition}`).values()].flatMap((own) => cut(own, most))

const cut = (records: readonly Outgoing[], most: number): Outgoing[][] => {
  const made: Outgoing[][] = []
  let bytes = Infinity
  for (const record of records) {
    const last = made.at(-1)
    bytes += weightOf(record)
    if (last && bytes <= most && last.length < mostRecords) last.push(record)
    else {
      made.push([record])
      bytes = weightOf(record)
    }
  }
  return made
}

const send = async (transaction: Transaction, records: readonly Outgoing[]) => {
  const bytes = records.reduce((sum, record) => sum + weightOf(record), 0)
  const compressed = bytes >= worthwhile * records.length
  const messages = records.map(({ key, value, headers, partition, timestamp }) => ({
    ...{ key, value, partition },
    headers: bytesOf(headers),
    timestamp: String(timestamp),
  }))
  const compression = CompressionTypes[compressed ? 'ZSTD' : 'None']
  await transaction.send({ topic: records[0]?.topic ?? '', messages, compression })
}

const sendPosition = async (
  transaction: Transaction,
  { group, topic, partition, offset, note: metadata }: Position,
) => {
  const topics = [{ topic, partitions: [{ partition, offset: String(offset), metadata }] }]
  for (let failures = 0; ; failures++) {
    try {
      return await transaction.sendOffsets({ consumerGroupId: group, topics })
    } catch (error) {
      if (!isConcurrent(error) || failures > 200) throw error
      await pause(10)
    }
  }
}
