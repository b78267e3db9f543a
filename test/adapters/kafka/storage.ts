import { randomUUID } from 'node:crypto'
import kafkajs, { type Kafka } from 'kafkajs'
import { openKafkaLog } from '../../../adapters/kafka/log.ts'
import { mortal } from '../../conformance/mortal.ts'
import type { Process, Storage } from '../../conformance/subject.ts'
import { prefixed } from './prefixed.ts'
import { wires } from './line.ts'

/** Where the tests' brokers are: `host:port,…`. */
export const servers = process.env['GAINSTREAM_TEST_BROKERS']?.split(',') ?? []

/** Short sessions, so that the dead are noticed soon; the brokers must allow them (group.min.session.timeout.ms). */
export const brisk = { session: 1_500, heartbeat: 200, poll: 250, transactionTimeout: 20_000 }

const client = (): Kafka =>
  new kafkajs.Kafka({ brokers: servers, logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 5 } })

/** A storage of its own on the cluster; `prefix` keeps it apart. */
export const storage = async (): Promise<Storage> => {
  const prefix = `t${randomUUID().slice(0, 8)}`
  const name = (topic: string) => `${prefix}.${topic}`
  const logs: { close: () => Promise<void>; dead: boolean }[] = []
  const admin = client().admin()
  await admin.connect()
  return {
    async process(): Promise<Process> {
      const line = wires()
      const opened = await openKafkaLog({ brokers: servers, clientId: prefix, connect: line.connect, ...brisk })
      const { log, kill } = mortal(prefixed(opened, prefix))
      const entry = { close: () => opened.close(), dead: false }
      logs.push(entry)
      return {
        log,
        async crash() {
          kill()
          line.cut()
          entry.dead = true
        },
        freeze: async () => line.stop(),
        thaw: async () => line.go(),
      }
    },
    async trim(topic, partition, before) {
      await admin.fetchTopicOffsets(name(topic)) // it must have met the topic
      const partitions = [{ partition, offset: String(before) }]
      await admin.deleteTopicRecords({ topic: name(topic), partitions })
    },
    async skip(topic, partition, positions) {
      const producer = client().producer({ transactionalId: `${prefix}.skip`, maxInFlightRequests: 1 })
      await producer.connect()
      const transaction = await producer.transaction()
      const messages = Array.from({ length: 1000 }, () => ({ value: '', partition }))
      for (let sent = 0; sent < positions; sent += messages.length)
        await transaction.send({ topic: name(topic), messages })
      await transaction.abort()
      await producer.disconnect()
    },
    async drop() {
      for (const each of logs.filter(({ dead }) => dead)) void each.close().catch(() => {})
      await Promise.all(logs.filter(({ dead }) => !dead).map((each) => each.close()))
      const mine = (await admin.listTopics()).filter((topic) => topic.startsWith(`${prefix}.`))
      if (mine.length > 0) await admin.deleteTopics({ topics: mine })
      await admin.disconnect()
    },
  }
}
