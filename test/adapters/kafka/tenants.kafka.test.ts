import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clientOf, settingsOf } from '../../../adapters/kafka/client.ts'
import { translated } from '../../../adapters/kafka/failures.ts'
import { transactions } from '../../../adapters/kafka/transactions.ts'
import { Kafka, logLevel } from '../../../adapters/kafka/vendor.ts'
import { eventually, out, readAll, spec } from '../../conformance/tools.ts'
import { never } from '../../runtime/records.ts'
import { clientsOf, type Clients } from './clients.ts'
import { copied, ids } from './copying.ts'
import { guarded, type Guarded } from './guarded.ts'

let it: Guarded
let clients: Clients

beforeAll(async () => {
  it = await guarded()
  clients = clientsOf(it)
  await Promise.all([it.grant('acme', 'acme'), it.grant('bolt', 'bolt')])
})
afterAll(async () => {
  await clients.close()
  await it.stop()
})

const [read, write, describeIt, describeConfigs] = [3, 4, 8, 10]
const kinds = { topic: 2, group: 3, transactionalId: 5 }
type Grant = { readonly [Kind in keyof typeof kinds]?: readonly number[] }

/** Single permissions for the second tenant: the numbers are Kafka's own. */
const grant = async (resourceName: string, given: Grant) => {
  const admin = new Kafka({ brokers: [it.broker.address], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const [allow, prefixed] = [3, 4]
  const acl = Object.entries(kinds).flatMap(([kind, resourceType]) =>
    (given[kind as keyof Grant] ?? []).map((operation) => ({
      ...{ resourceType, resourceName, resourcePatternType: prefixed, principal: 'User:bolt', host: '*' },
      ...{ operation, permissionType: allow },
    })),
  )
  await admin.createAcls({ acl })
  await admin.disconnect()
}

describe('two tenants with a stream of the same name', () => {
  const topics = { own: 'bolt.main.inputs', other: 'acme.main.inputs' }
  const right = (kind: string) =>
    new RegExp(`this user has no permission on .* \\(kafka-acls: --operation All --${kind} <prefix>\\. `)

  test('both work, at the same time, each with one prefixed permission', async () => {
    const mine = ['acme', 'bolt'] as const
    const found = await Promise.all(
      mine.map(async (name) => copied(await clients.access(clients.user(name)), name, 'main')),
    )
    expect(found).toEqual([ids(), ids()])
  })

  test('neither reads, describes or deletes the topics of the other', async () => {
    const log = await clients.as('bolt')
    await expect(log.describe(topics.other)).rejects.toThrow(/^describing acme\.main\.inputs: this user has no/)
    await expect(readAll(log, topics.other)).rejects.toThrow(right('topic'))
    await expect(log.apply([spec('acme.main.new')])).rejects.toThrow(right('topic'))
    await expect(log.remove({ topics: [topics.other], groups: [] })).rejects.toThrow(right('topic'))
    await expect(log.remove({ topics: [], groups: ['acme.main.copy'] })).rejects.toThrow(right('topic'))
  })

  test('neither joins a group of the other, or sees what it has settled', async () => {
    const log = await clients.as('bolt')
    await expect(log.settled('acme.main.copy', topics.own)).rejects.toThrow(
      /^reading what acme\.main\.copy has settled: this user has no permission on this group/,
    )
    const failed = new Promise<Error>((resolve) => {
      const request = { group: 'acme.main.copy', topic: topics.own, onClaim: () => expect.fail('a claim') }
      log.join({ ...request, onFailure: resolve }).catch(resolve)
    })
    expect((await failed).message).toMatch(right('group'))
  })

  test('neither fences a seat of the other, commits for it or writes into its topics, while the other works on', async () => {
    const [acme, log] = [await clients.as('acme'), await clients.as('bolt')]
    const seat = acme.source('acme.main.ingest', 'another')
    await seat.open(never)
    await expect(log.source('acme.main.ingest', 'another').open(never)).rejects.toThrow(right('topic'))

    const client = clientOf(settingsOf({ ...(await clients.access(clients.user('bolt'))), patience: 2_000 }))
    const why = (work: Promise<unknown>) => work.catch((error: unknown) => translated(error, 'trying').message)
    expect(await why(transactions(client, 'acme.main.ingest.another').fence())).toMatch(right('transactional-id'))
    const position = { group: 'acme.main.copy', topic: topics.own, partition: 0, offset: 1, note: '' }
    const own = transactions(client, 'bolt.main.thief')
    await own.fence()
    expect(await why(own.commit([], position, 1_000))).toMatch(right('group'))
    await own.fence()
    expect(await why(own.commit([out(topics.other, 'forged')], undefined, 1_000))).toMatch(right('topic'))
    client.close()

    const batch = { records: [out(topics.other, 'mine')], settled: { position: 1, note: '' } }
    expect(await seat.settle(batch)).toEqual({ kind: 'done' })
    expect((await readAll(acme, topics.other)).map(({ key }) => String(key))).not.toContain('forged')
  })

  test('who may read a topic and not write it stops with a sentence, and does not try for ever', async () => {
    await grant(topics.other, { topic: [read, describeIt, describeConfigs] })
    const log = await clients.as('bolt')
    await eventually('the permission to read', 5_000, () => log.describe(topics.other).catch(() => undefined))
    const seat = log.source('bolt.main.ingest', 'reader')
    await seat.open(never)
    const batch = { records: [out(topics.other, 'forged')], settled: { position: 1, note: '' } }
    expect((await seat.settle(batch)).kind).toBe('unknown')
    await expect(seat.open(never)).rejects.toThrow(
      /^settling bolt\.main\.ingest\.reader into acme\.main\.inputs, bolt\.main\.ingest\.seats: this user has no permission on a topic/,
    )
  })

  test('a worker needs no more than to read, write and look at what was made for it', async () => {
    const theirs = { brokers: [it.broker.address] }
    expect(await copied(theirs, 'least', 'main')).toEqual(ids())
    const bolt = await clients.access(clients.user('bolt'))
    await grant('least.', { topic: [read, write], group: [read], transactionalId: [write] })
    await expect(copied(bolt, 'least', 'main')).rejects.toThrow(right('topic')) // how large a record may be
    await grant('least.', { topic: [describeConfigs] })
    const twice = [...ids(), ...ids()].sort()
    expect(await copied(bolt, 'least', 'main')).toEqual(twice)
  })
})
