import { randomBytes, randomUUID } from 'node:crypto'
import { connect as openSocket } from 'node:net'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openKafkaLog, type KafkaOptions } from '../../../adapters/kafka/log.ts'
import { Fatal } from '../../../runtime/errors.ts'
import type { Claim, Log } from '../../../runtime/log.ts'
import { eventually, member, opened, out, readAll, spec, writer } from '../../conformance/tools.ts'
import { brisk, servers } from './storage.ts'

const endTransaction = 26
/** A request: its size in four bytes, then what it is. */
const apiKeyOf = (bytes: unknown) => (Buffer.isBuffer(bytes) && bytes.length > 6 ? bytes.readInt16BE(4) : -1)

describe('what Kafka adds to the suite', () => {
  const prefix = `k${randomUUID().slice(0, 8)}`
  const kafka = new kafkajs.Kafka({ brokers: servers, logLevel: kafkajs.logLevel.NOTHING })
  const admin = kafka.admin()
  const logs: Log[] = []
  const open = async () => {
    const log = await openKafkaLog({ brokers: servers, ...brisk })
    logs.push(log)
    return log
  }
  const name = (text: string) => `${prefix}.${text}`

  beforeAll(() => admin.connect())
  afterAll(async () => {
    await Promise.all(logs.map((log) => log.close()))
    const mine = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
    if (mine.length > 0) await admin.deleteTopics({ topics: mine })
    await admin.disconnect()
  })

  test('a batch far larger than the largest record batch of its topic is written whole', async () => {
    const log = await open()
    await log.apply([spec(name('small'), 2, { maxBytes: 1_000 })])
    const seat = log.source(name('writers'), 'w')
    await opened(seat)
    const records = Array.from({ length: 500 }, (_, n) => out(name('small'), `n${n}`, n % 2, randomBytes(700)))
    const outcome = await seat.settle({ records, settled: { position: 500, note: '' } })
    expect(outcome.kind).toBe('done')
    expect(await readAll(log, name('small'))).toHaveLength(500)
  })

  test('a large value comes back as it was', async () => {
    const log = await open()
    await log.apply([spec(name('large'), 1, { maxBytes: 3_000_000 })])
    const value = Buffer.from('passage '.repeat(300_000))
    await (await writer(log, name('large'))).write([out(name('large'), 'a', 0, value)])
    const [found] = await readAll(log, name('large'))
    expect(found?.value?.equals(value)).toBe(true)
  })

  test('a reader goes past the records of a producer that died, once they are aborted, and shows none of them', async () => {
    const log = await open()
    await log.apply([spec(name('mixed'))])
    const dead = kafka.producer({ transactionalId: name('dead'), maxInFlightRequests: 1, transactionTimeout: 1_000 })
    await dead.connect()
    const transaction = await dead.transaction()
    await transaction.send({ topic: name('mixed'), messages: [{ value: 'never', partition: 0 }] })
    await (await writer(log, name('mixed'))).write([out(name('mixed'), 'after')])
    const found = readAll(log, name('mixed')) // waits: the open transaction lies before the record
    await transaction.abort()
    expect((await found).map(({ key }) => key?.toString())).toEqual(['after'])
    await dead.disconnect()
  })

  test('an owner that a stranger shut out by its own id opens again and goes on', async () => {
    const log = await open()
    await log.apply([spec(name('things'))])
    const own = await member(log, name('g'), name('things'))
    const claim = await eventually('a claim', 10_000, () => own.held()[0])
    await opened(claim)
    const zombie = kafka.producer({ transactionalId: `${name('g')}.${name('things')}.0`, maxInFlightRequests: 1 })
    await zombie.connect()
    await (await zombie.transaction()).abort()
    const first = await claim.settle({ records: [], settled: { position: 1, note: 'one' } })
    expect(first.kind).toBe('unknown')
    expect(claim.lost.aborted).toBe(false)
    expect(await opened(claim)).toBeUndefined()
    expect((await claim.settle({ records: [], settled: { position: 1, note: 'one' } })).kind).toBe('done')
    await zombie.disconnect()
    await own.leave()
  })

  test('a commit whose answer was lost ends as unknown, and opening tells that it landed', async () => {
    let cuts = 0
    // Every second end of a transaction reaches the broker, and its answer never comes.
    const connect: NonNullable<KafkaOptions['connect']> = ({ host, port, onConnect }) => {
      const socket = openSocket({ host, port, noDelay: true }, onConnect)
      const write = socket.write.bind(socket) as (...all: unknown[]) => boolean
      socket.write = (...all: unknown[]) => {
        const written = write(...all)
        if (apiKeyOf(all[0]) !== endTransaction || cuts++ % 2 === 1) return written
        socket.pause()
        setTimeout(() => socket.destroy(new Error('cut')), 100)
        return written
      }
      return socket
    }
    const log = await openKafkaLog({ brokers: servers, ...brisk, connect })
    logs.push(log)
    await log.apply([spec(name('cut'))])
    const own = await member(log, name('c'), name('cut'))
    const claim = await eventually('a claim', 10_000, () => own.held()[0])
    await opened(claim)
    let landed = 0
    for (let n = 1; n <= 10; n++) {
      const batch = { records: [out(name('cut'), `n${n}`)], settled: { position: n, note: `${n}` } }
      const outcome = await claim.settle(batch)
      if (outcome.kind === 'done') continue
      expect(outcome.kind).toBe('unknown')
      if ((await opened(claim))?.position === n) landed++
      else expect((await claim.settle(batch)).kind).toBe('done')
    }
    expect(landed).toBeGreaterThan(2)
    const found = (await readAll(log, name('cut'))).map(({ key }) => key?.toString())
    expect(found).toEqual(Array.from({ length: 10 }, (_, n) => `n${n + 1}`))
    await own.leave()
  })

  test('a lane stops when its topic was made anew under it, though the new one has as many records', async () => {
    const log = await open()
    await log.apply([spec(name('anew'))])
    const source = await writer(log, name('anew'))
    for (let n = 0; n < 4; n++) await source.write([out(name('anew'), `old${n}`)])
    const own = await member(log, name('h'), name('anew'))
    const claim: Claim = await eventually('a claim', 10_000, () => own.held()[0])
    const signal = AbortSignal.timeout(20_000)
    const { next } = await claim.take(0, { records: 2, bytes: 9_999 }, signal)
    await log.remove({ topics: [name('anew')], groups: [] })
    await log.apply([spec(name('anew'))])
    for (let n = 0; n < 9; n++) await source.write([out(name('anew'), `new${n}`)])
    const taking = async () => {
      for (let from = next; ;) {
        const taken = await claim.take(from, { records: 9, bytes: 9_999 }, signal)
        expect(taken.records.map(({ key }) => key?.toString()).filter((key) => key?.startsWith('new'))).toEqual([])
        from = taken.next
      }
    }
    await expect(taking()).rejects.toThrow(Fatal)
    await own.leave()
  })

  test('a group that another program uses is refused with a sentence', async () => {
    const log = await open()
    await log.apply([spec(name('shared'))])
    const stranger = kafka.consumer({ groupId: name('s') })
    await stranger.connect()
    await stranger.subscribe({ topic: name('shared') })
    await new Promise<void>((resolve) => {
      stranger.on('consumer.group_join', () => resolve())
      void stranger.run({ autoCommit: false, eachMessage: async () => {} })
    })
    const own = await member(log, name('s'), name('shared'))
    const failure = await eventually('a sentence', 10_000, () => own.failures[0])
    expect(failure.message).toMatch(/members of another program/)
    await stranger.disconnect()
    await own.leave()
  })
})
