/** The Python that other teams have reads what we write, and writes what we read: through the registry alone. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkPython, python, pythonPackages } from '../../adapters/models/python.ts'
import { home } from '../../cli/config.ts'
import type { Stored } from '../../runtime/log.ts'
import { gains, queries, samples } from '../../topics/index.ts'
import { brokers, gained, openTestStream, question, registry, sampled } from './world.ts'

const file = (name: string) => join(import.meta.dirname, name)

/** The folder of the clients, or why there is none: in CI that is a failure. */
const prepared = async (): Promise<{ packages: string; reason?: string }> => {
  try {
    await checkPython()
    return { packages: await pythonPackages(file('requirements.txt'), home(process.env)) }
  } catch (error) {
    if (process.env['CI']) throw error
    return { packages: '', reason: (error as Error).message }
  }
}
const { packages, reason } = await prepared()
const title = reason === undefined ? 'a Python client' : `SKIPPED, no Python client: ${reason}`

const here = mkdtempSync(join(tmpdir(), 'gainstream-foreign-'))
afterAll(() => rmSync(here, { recursive: true }))

const clients = async (what: 'read' | 'write', ask: object): Promise<unknown> => {
  const [asked, answer] = [join(here, `${what}-ask.json`), join(here, `${what}-answer.json`)]
  writeFileSync(asked, JSON.stringify({ brokers, registry, ...ask }))
  await python({ args: [file('clients.py'), what, asked, answer], packages })
  return JSON.parse(readFileSync(answer, 'utf8')) as unknown
}

interface Read {
  readonly topic: string
  readonly key: string
  readonly headers: Record<string, string>
  readonly value: unknown
}

/** A transaction that does not come to pass. */
const abandoned = async (topic: string) => {
  const client = new kafkajs.Kafka({ brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING })
  const producer = client.producer({ transactionalId: `${topic}.abandoned`, maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic, messages: [{ key: 'monday/never', value: 'no Avro at all', partition: 0 }] })
  await transaction.abort()
  await producer.disconnect()
}

describe.skipIf(reason !== undefined)(title, () => {
  let stream: Awaited<ReturnType<typeof openTestStream>>
  beforeAll(async () => {
    stream = await openTestStream()
  })
  afterAll(() => stream.close())

  test('decodes queries, gains and samples field by field, with their keys and headers', async () => {
    const { names } = stream.world
    const numbers = Array.from({ length: 20 }, (_, n) => n)
    await abandoned(names.topic(gains))
    await stream.enter('all of it', [
      ...numbers.map((n) => queries.message(question(n), { run: 'monday' })),
      ...numbers.map((n) => gains.message(gained(n), { run: 'monday', stage: 'label' })),
      ...numbers.map((n) => samples.message(sampled(n), { run: 'monday' })),
    ])
    await abandoned(names.topic(gains))
    const topics = [queries, gains, samples].map((topic) => names.topic(topic))
    const read = (await clients('read', { topics, count: 60 })) as Read[]
    const of = (topic: (typeof topics)[number]) =>
      read
        .filter((each) => each.topic === topic)
        .toSorted((a, b) => Number(a.key.split('/')[2]) - Number(b.key.split('/')[2]))
    expect(read.length).toBe(60)
    expect(of(topics[0]!).map(({ value }) => value)).toEqual(numbers.map(question))
    expect(of(topics[1]!).map(({ value }) => value)).toEqual(numbers.map(gained))
    expect(of(topics[2]!).map(({ value }) => value)).toEqual(numbers.map(sampled))
    expect(of(topics[1]!).map(({ key }) => key)).toEqual(numbers.map((n) => `monday/nq/${n}`))
    expect(of(topics[1]!)[0]?.headers).toMatchObject({ run: 'monday', stage: 'label' })
  })

  test('writes a query that is read as ours, with what it was not told filled in by the schema', async () => {
    const { log, codec, names } = stream.world
    const topic = names.topic(queries)
    const { query, ...rest } = question(77)
    const { dataset: _, lang: __, gold_passage_ids: ___, ...short } = query
    const written = { topic, key: 'monday/nq/77', headers: { run: 'monday' }, value: { ...rest, query: short } }
    const delivered = (await clients('write', written)) as { partition: number; offset: number }[]
    expect(delivered.length).toBe(1)
    const found: Stored[] = []
    for await (const record of log.read(topic)) if (record.key?.toString() === 'monday/nq/77') found.push(record)
    expect(found.map(({ partition, headers }) => ({ partition, headers }))).toEqual([
      { partition: delivered[0]?.partition, headers: { run: 'monday' } },
    ])
    const defaults = { dataset: '', lang: 'en', gold_passage_ids: [] }
    expect(await codec.decode(queries, found[0]!.value!)).toEqual({ ...rest, query: { ...short, ...defaults } })
  })
})
