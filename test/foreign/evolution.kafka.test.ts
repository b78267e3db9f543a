/** Schemas that change while records of the old ones are still there, and ids that nobody was given. */
import { randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'
import { afterEach, describe, expect, test } from 'vitest'
import { confluentRegistry } from '../../adapters/registry/index.ts'
import { openWorld } from '../../cli/world.ts'
import { imagine } from '../../processors/index.ts'
import { bind, engine } from '../../runtime/engine.ts'
import type { Stored } from '../../runtime/log.ts'
import type { Topic } from '../../runtime/topic.ts'
import { avroCodec } from '../../schemas/codec.ts'
import { Query, type Asked } from '../../schemas/query.ts'
import { drafts, queries, rejects, totals } from '../../topics/index.ts'
import { front } from '../adapters/registry/front.ts'
import { readerSaying } from '../processors/records.ts'
import { answering } from '../../method/prompt.ts'
import { brokers, openTestStream, question, registry } from './world.ts'

type Stream = Awaited<ReturnType<typeof openTestStream>>

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** Queries as an earlier version had them: without a language and without gold passages. */
const fewer = { ...Query, fields: Query.fields.filter(({ name }) => name !== 'lang' && name !== 'gold_passage_ids') }
const earlier: Topic<Asked> = {
  ...queries,
  schema: {
    ...{ type: 'record', name: 'Asked', namespace: 'gainstream' },
    fields: [
      { name: 'run', type: 'string' },
      { name: 'asked_at', type: 'long' },
      { name: 'query', type: fewer },
    ],
  },
}
const asTheEarlier = ({ query: { lang: _, gold_passage_ids: __, ...query }, ...rest }: Asked) =>
  ({ ...rest, query }) as Asked

const all = async (stream: Stream, topic: Topic): Promise<Stored[]> => {
  const found: Stored[] = []
  for await (const record of stream.world.log.read(stream.world.names.topic(topic))) found.push(record)
  return found
}

/** A producer that is not ours. */
const produce = async (topic: string, messages: readonly { key: string; value: Buffer }[]) => {
  const producer = new kafkajs.Kafka({ brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING }).producer()
  await producer.connect()
  await producer.send({ topic, messages: [...messages] })
  await producer.disconnect()
}

/** Works with the real stage until nothing is left, or as long as `meanwhile` takes. */
const work = async ({ world, signal }: Stream, meanwhile: () => Promise<unknown> = async () => {}) => {
  const { log, codec, names, now, observe, tables } = world
  const { reader } = readerSaying('')
  const ports = { imagines: false, reader, prompt: answering, maxTokens: 1 }
  const running = await engine({
    ...{ log, codec, names, now, observe, rejects, totals, partitions: 2, table: tables.totals },
    stages: [bind(imagine, ports)],
  })
  try {
    await meanwhile()
    await running.untilEmpty(signal)
  } finally {
    await running.stop()
  }
}

describe('a field that came later', () => {
  test('is filled in when an old record is read, and passed over by whoever knows only the old version', async () => {
    const prefix = `t${randomUUID().slice(0, 8)}`
    const subject = () => `${prefix}.s.queries-value`
    const old = avroCodec(confluentRegistry({ url: registry, create: true }), { subject })
    await old.prepare([earlier])
    const before = old.encode(earlier, asTheEarlier(question(2)))
    const stream = await openTestStream(registry, prefix)
    closers.push(() => stream.close())
    const { codec, names } = stream.world
    await produce(names.topic(queries), [{ key: 'monday/nq/2', value: before }])
    const after = codec.encode(queries, question(3))
    await stream.enter('new', [queries.message(question(3))])
    expect(after.readInt32BE(1)).not.toBe(before.readInt32BE(1))

    const read = await Promise.all((await all(stream, queries)).map(({ value }) => codec.decode(queries, value!)))
    const { query, ...rest } = question(2)
    expect(read.toSorted((a, b) => a.query.id.localeCompare(b.query.id))).toEqual([
      { ...rest, query: { ...query, lang: 'en', gold_passage_ids: [] } },
      question(3),
    ])
    expect(await old.decode(earlier, after)).toEqual(asTheEarlier(question(3)))
    const versions = (await (await fetch(`${registry}/subjects/${subject()}/versions`)).json()) as number[]
    expect(versions).toEqual([1, 2])
  })
})

describe('among good records', () => {
  test('only those with an id that nobody was given are rejected', async () => {
    const stream = await openTestStream()
    closers.push(() => stream.close())
    const { codec, names } = stream.world
    const good = Array.from({ length: 60 }, (_, n) => question(n))
    const strange = codec.encode(queries, question(60))
    strange.writeInt32BE(2_000_000_123, 1)
    const messages = good.map((value) => ({ key: `monday/${value.query.id}`, value: codec.encode(queries, value) }))
    messages.splice(30, 0, { key: 'monday/strange', value: strange }, { key: 'monday/raw', value: Buffer.from('{}') })
    await produce(names.topic(queries), messages)
    await work(stream)
    expect((await all(stream, drafts)).length).toBe(60)
    const refused = (await all(stream, rejects)).map(({ key, value, headers }) => ({
      ...{ key: key?.toString(), value, kind: headers['reject.kind'], reason: headers['reject.reason'] },
    }))
    expect(refused.toSorted((a, b) => a.key!.localeCompare(b.key!))).toEqual([
      {
        ...{ key: 'monday/raw', value: Buffer.from('{}'), kind: 'rejected' },
        reason: '2 bytes are too few for an Avro record with its header',
      },
      {
        ...{ key: 'monday/strange', value: strange, kind: 'rejected' },
        reason: `the schema registry at ${registry} has no schema with the id 2000000123`,
      },
    ])
  })
})

describe('a registry that goes away', () => {
  test('while work is going on holds up only what it alone can explain, and nothing is rejected', async () => {
    const gate = await front()
    let back: { close: () => Promise<void> } = gate
    closers.push(() => back.close())
    const stream = await openTestStream(gate.url)
    closers.push(() => stream.close())
    const { codec, names } = stream.world
    // Of an earlier version, which this process has not met: to read it the registry must be asked.
    const old = avroCodec(confluentRegistry({ url: registry, create: true }), { subject: () => 't.s.earlier-value' })
    await old.prepare([earlier])
    await codec.decode(queries, codec.encode(queries, question(0)))
    await work(stream, async () => {
      await gate.close()
      const known = Array.from({ length: 20 }, (_, n) => question(n))
      await produce(names.topic(queries), [
        { key: 'monday/nq/99', value: old.encode(earlier, asTheEarlier(question(99))) },
        ...known.map((value) => ({ key: `monday/${value.query.id}`, value: codec.encode(queries, value) })),
      ])
      await expect.poll(async () => (await all(stream, drafts)).length, { timeout: 20_000 }).toBe(20)
      back = await front(undefined, gate.port)
    })
    expect((await all(stream, drafts)).map(({ key }) => key?.toString())).toContain('monday/nq/99')
    expect((await all(stream, drafts)).length).toBe(21)
    expect(await all(stream, rejects)).toEqual([])
  })

  test('before a worker starts is waited for, with one line on standard error', async () => {
    const { world, close } = await openTestStream()
    closers.push(close)
    const gate = await front()
    await gate.close()
    const lines: string[] = []
    const screen = { tty: false, write: (text: string) => void lines.push(text) }
    const config = { ...world.config, log: 'warn' as const, registry: { ...world.config.registry, url: gate.url } }
    const late = await openWorld(config, { ...screen, tty: true }, {})
    closers.push(() => late.close())
    const prepared = late.codec.prepare([queries, drafts])
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const back = await front(undefined, gate.port)
    closers.push(() => back.close())
    await prepared
    expect(lines.join('').match(/does not answer \(ECONNREFUSED\); waiting up to 60 s for it/g)?.length).toBe(1)
  })
})
