import { randomUUID } from 'node:crypto'
import { connect as open } from 'node:net'
import { expect, test } from 'vitest'
import { openKafkaLog, type KafkaOptions } from '../../adapters/kafka/log.ts'
import { opened, out, readAll, spec } from '../conformance/tools.ts'
import { frames } from './proxy.ts'
import { everything, kafkaOf } from './reader.ts'

const brokers = (process.env['GAINSTREAM_TEST_BROKERS'] ?? '').split(',')

const produce = 0
const afterText = (frame: Buffer, at: number) => at + 2 + Math.max(0, frame.readInt16BE(at))

/** How many topics and partitions a request to write names; the partitions of its first topic. */
const places = (frame: Buffer): { topics: number; partitions: number } => {
  const transaction = afterText(frame, 12)
  const topics = afterText(frame, transaction) + 6 // acknowledgements and time-out
  return { topics: frame.readInt32BE(topics), partitions: frame.readInt32BE(afterText(frame, topics + 4)) }
}

test('each request to write is for one partition: kafkajs doubles or forgets others when leaders change', async () => {
  const seen: ReturnType<typeof places>[] = []
  const connect: NonNullable<KafkaOptions['connect']> = ({ host, port, onConnect }) => {
    const socket = open({ host, port, noDelay: true }, onConnect)
    const hear = frames((frame) => {
      if (frame.readInt16BE(4) === produce) seen.push(places(frame))
    })
    const write = socket.write.bind(socket) as (...all: unknown[]) => boolean
    socket.write = (...all: unknown[]) => {
      if (Buffer.isBuffer(all[0])) hear(all[0])
      return write(...all)
    }
    return socket
  }
  const log = await openKafkaLog({ brokers, connect })
  const prefix = `produce-${randomUUID().slice(0, 8)}`
  const topics = [`${prefix}.one`, `${prefix}.other`]
  try {
    await log.apply(topics.map((topic) => spec(topic, 3)))
    const seat = log.source(`${prefix}.g`, 'w')
    await opened(seat)
    const records = topics.flatMap((topic) => [0, 1, 2, 0, 1, 2].map((partition, n) => out(topic, `n${n}`, partition)))
    expect((await seat.settle({ records, settled: { position: 1, note: '' } })).kind).toBe('done')
    expect(seen).toEqual(Array.from({ length: 7 }, () => ({ topics: 1, partitions: 1 }))) // the seat's own is the seventh
    const found = await readAll(log, topics[0]!)
    expect(found.map(({ partition, key }) => `${partition} ${String(key)}`).sort()).toEqual(
      ['0 n0', '0 n3', '1 n1', '1 n4', '2 n2', '2 n5'], // prettier-ignore
    )
  } finally {
    await log.remove({ topics, groups: [`${prefix}.g`] })
    await log.close()
  }
})

/** A producer with a transaction in which one record was written. */
const begun = async (topic: string, name: string) => {
  const producer = kafkaOf(brokers).producer({ transactionalId: `${topic}.${name}`, maxInFlightRequests: 1 })
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic, messages: [{ key: name, value: name, partition: 0 }] })
  return { producer, transaction }
}

test('where aborted transactions overlap, none of their records is shown, as kafkajs itself would', async () => {
  const log = await openKafkaLog({ brokers })
  const topic = `aborted-${randomUUID().slice(0, 8)}`
  try {
    await log.apply([spec(topic)])
    const [first, second] = [await begun(topic, 'first'), await begun(topic, 'second')]
    await second.transaction.abort()
    await first.transaction.abort()
    const last = await begun(topic, 'last')
    await last.transaction.commit()
    for (const { producer } of [first, second, last]) await producer.disconnect()
    expect((await readAll(log, topic)).map(({ key }) => String(key))).toEqual(['last'])
    expect((await everything(brokers, topic)).map(({ key }) => key)).toEqual(['first', 'last'])
  } finally {
    await log.remove({ topics: [topic], groups: [] })
    await log.close()
  }
})
