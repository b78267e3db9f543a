import { describe, expect, test } from 'vitest'
import { Rejected, Unavailable } from '../../runtime/errors.ts'
import { topic } from '../../runtime/topic.ts'
import { avroCodec } from '../../schemas/codec.ts'
import { optional } from '../../schemas/avro.ts'
import * as topics from '../../topics/index.ts'
import { memoryRegistry } from './memory-registry.ts'

const subject = (name: string) => `test.${name}-value`
const query = { id: '1', question: 'who?', answers: ['Kent'], dataset: 'nq', lang: 'en', gold_passage_ids: [] }
const candidate = {
  id: 'p',
  title: 'Lear',
  text: 'Kent lives on. Ünïcödé 🙂',
  source: 'retrieved',
  rank: 1,
  score: -1.5,
  dense_rank: null,
  dense_score: null,
  sparse_rank: 2,
  sparse_score: 0,
  given_score: null,
  same_as: ['q'],
  twin_of: null,
  not_available: false,
}
const candidates = { run: 'r', asked_at: 1_795_000_000_000, query, passages: [candidate] }
const totals = {
  stream: 's',
  run: 'r',
  stage: 'label',
  partition: 0,
  counts: { kept: 3, 'filtered: no answer': 2 },
  sums: { tokens: 1.5 },
  replicates: { 'nq/f1': Buffer.from([1, 2, 3]) },
  updated_at: 7,
  recent: {},
}

const prepared = async (options = {}) => {
  const registry = memoryRegistry()
  const codec = avroCodec(registry, { subject, ...options })
  await codec.prepare(topics.catalogue)
  return { registry, codec }
}

const record = (fields: readonly object[]) => ({ type: 'record', name: 'Note', namespace: 'gainstream', fields })
const notes = (schema: object) => topic<object>({ name: 'notes', schema, key: () => '', retention: 'forever' })
const text = { name: 'text', type: 'string' }

describe('the Avro codec', () => {
  test('gives back what it was given, on every kind of field', async () => {
    const { codec } = await prepared()
    expect(await codec.decode(topics.candidates, codec.encode(topics.candidates, candidates))).toEqual(candidates)
    expect(await codec.decode(topics.totals, codec.encode(topics.totals, totals))).toEqual(totals)
  })

  test('gives back records of any size, whatever came before', async () => {
    const { codec } = await prepared()
    for (const size of [1, 100, 70_000, 5_000_000, 300, 70_000, 2]) {
      const passage = { id: 'p', title: '', text: 'é'.repeat(size) }
      expect(await codec.decode(topics.passages, codec.encode(topics.passages, passage))).toEqual(passage)
    }
  })

  test('frames a record with a zero byte and the id in four bytes, big end first', async () => {
    const registry = memoryRegistry()
    const codec = avroCodec({ ...registry, register: async () => 0x01020304 }, { subject })
    await codec.prepare([topics.passages])
    const bytes = codec.encode(topics.passages, { id: 'a', title: '', text: 'b' })
    expect([...bytes]).toEqual([0, 1, 2, 3, 4, 2, 97, 0, 2, 98])
  })

  test('an encoded record holds no memory but its own', async () => {
    const { codec } = await prepared()
    const bytes = codec.encode(topics.passages, { id: 'a', title: '', text: 'b' })
    expect(bytes.buffer.byteLength).toBe(bytes.length)
    const again = codec.encode(topics.passages, { id: 'x', title: '', text: 'y' })
    expect(again.buffer).not.toBe(bytes.buffer)
    expect((await codec.decode(topics.passages, bytes)).id).toBe('a')
  })

  test('decoded bytes do not change with what they were read from', async () => {
    const { codec } = await prepared()
    const bytes = codec.encode(topics.totals, totals)
    const value = await codec.decode(topics.totals, bytes)
    bytes.fill(0xff)
    expect(value.replicates['nq/f1']).toEqual(Buffer.from([1, 2, 3]))
  })

  test('a topic without a schema carries bytes untouched', async () => {
    const { codec } = await prepared()
    const raw = Buffer.from([9, 9])
    expect(codec.encode(topics.rejects, raw)).toBe(raw)
    expect(await codec.decode(topics.rejects, raw)).toBe(raw)
    expect(() => codec.encode(topics.rejects, 'text' as never)).toThrow(/takes bytes only/)
  })

  test('asks the registry once for a schema, whatever is read', async () => {
    const { codec, registry } = await prepared()
    const bytes = codec.encode(topics.candidates, candidates)
    await Promise.all([1, 2, 3].map(() => codec.decode(topics.candidates, bytes)))
    await codec.decode(topics.candidates, bytes)
    expect(registry.asked).toBe(1)
  })

  test('writing without having prepared the topic is a bug, not a dead letter', () => {
    const codec = avroCodec(memoryRegistry(), { subject })
    const passage = { id: 'p', title: '', text: 't' }
    expect(() => codec.encode(topics.passages, passage)).toThrow(/prepare the codec for the topic passages/)
    expect(() => codec.encode(topics.passages, passage)).not.toThrow(Rejected)
  })
})

describe('a value that does not fit', () => {
  const bad: [string, object, string][] = [
    ['a missing field', { ...candidates, run: undefined }, 'run must be string, not nothing'],
    ['a wrong type', { ...candidates, asked_at: 'now' }, 'asked_at must be long, not "now"'],
    ['a part of a nested record', { ...candidates, query: { ...query, id: 7 } }, 'query.id must be string, not 7'],
    [
      'an item of an array',
      { ...candidates, passages: [candidate, 3] },
      'passages[1] must be a record Candidate, not 3',
    ],
    [
      'an optional field',
      { ...candidates, passages: [{ ...candidate, score: '1' }] },
      'passages[0].score must be null or a finite number, not "1"',
    ],
    [
      'a fraction for an int',
      { ...candidates, passages: [{ ...candidate, rank: 1.5 }] },
      'passages[0].rank must be int',
    ],
    ['a long past 2^53', { ...candidates, asked_at: 2 ** 60 }, 'asked_at must be long'],
    [
      'a number that is none',
      { ...candidates, passages: [{ ...candidate, score: NaN }] },
      'passages[0].score must be a finite number, not NaN',
    ],
    [
      'an endless number',
      { ...candidates, passages: [{ ...candidate, score: -Infinity }] },
      'passages[0].score must be a finite number, not -Infinity',
    ],
  ]
  test.each(bad)('%s is named with its path', async (_name, value, words) => {
    const { codec } = await prepared()
    const write = () => codec.encode(topics.candidates, value as never)
    expect(write).toThrow(Rejected)
    expect(write).toThrow(`this does not fit the topic candidates: ${words}`)
    expect(await codec.decode(topics.candidates, codec.encode(topics.candidates, candidates))).toEqual(candidates)
  })

  test('a field that the schema lacks is refused where the codec is strict', async () => {
    const value = { ...candidates, passages: [{ ...candidate, colour: 'red' }] }
    const { codec } = await prepared({ strict: true })
    const write = () => codec.encode(topics.candidates, value)
    expect(write).toThrow('passages[0].colour is no field of a record Candidate')
    expect(() => codec.encode(topics.candidates, candidates)).not.toThrow()
  })

  test('a field with a default may be left out', async () => {
    const { codec } = await prepared({ strict: true })
    const bytes = codec.encode(topics.passages, { id: 'p', text: 't' } as never)
    expect(await codec.decode(topics.passages, bytes)).toEqual({ id: 'p', title: '', text: 't' })
  })
})

describe('bytes that cannot be read', () => {
  const whole = async () => {
    const { codec, registry } = await prepared()
    return { codec, registry, bytes: codec.encode(topics.candidates, candidates) }
  }

  test('too few bytes and another first byte are told apart', async () => {
    const { codec, bytes } = await whole()
    await expect(codec.decode(topics.candidates, bytes.subarray(0, 4))).rejects.toThrow(/^4 bytes are too few/)
    await expect(codec.decode(topics.candidates, Buffer.from('{"id":"json"}'))).rejects.toThrow(/first byte is 123/)
    await expect(codec.decode(topics.candidates, Buffer.from('{"id":"json"}'))).rejects.toThrow(Rejected)
  })

  test('every way to cut a record short is a dead letter', async () => {
    const { codec, bytes } = await whole()
    for (let length = 5; length < bytes.length; length++) {
      await expect(codec.decode(topics.candidates, bytes.subarray(0, length)), `${length}`).rejects.toThrow(Rejected)
    }
  })

  test('bytes after the record are a dead letter', async () => {
    const { codec, bytes } = await whole()
    const longer = Buffer.concat([bytes, Buffer.from([0])])
    await expect(codec.decode(topics.candidates, longer)).rejects.toThrow('trailing data')
  })

  test('an id that nobody knows is a dead letter, and is asked for again later', async () => {
    const { codec, bytes, registry } = await whole()
    const strange = Buffer.from(bytes)
    strange.writeInt32BE(4711, 1)
    await expect(codec.decode(topics.candidates, strange)).rejects.toThrow(new Rejected('no schema has the id 4711'))
    await expect(codec.decode(topics.candidates, strange)).rejects.toThrow(Rejected)
    expect(registry.asked).toBe(2)
  })

  test('a record of another topic is a dead letter that names both', async () => {
    const { codec, bytes } = await whole()
    await expect(codec.decode(topics.queries, bytes)).rejects.toThrow(
      /schema 4 cannot be read as gainstream.Asked: .*gainstream.Candidates/,
    )
  })

  test('a registry that is down is the world, and reading goes on when it is back', async () => {
    const { codec, bytes, registry } = await whole()
    registry.down = true
    await expect(codec.decode(topics.candidates, bytes)).rejects.toThrow(Unavailable)
    registry.down = false
    expect(await codec.decode(topics.candidates, bytes)).toEqual(candidates)
    registry.down = true
    expect(await codec.decode(topics.candidates, bytes)).toEqual(candidates)
    await expect(avroCodec(registry, { subject }).prepare([topics.queries])).rejects.toThrow(Unavailable)
  })

  test.each([
    ['array', record([{ name: 'list', type: { type: 'array', items: 'string' } }])],
    ['map', record([{ name: 'list', type: { type: 'map', values: 'long' } }])],
    ['array that the reader skips', record([text, { name: 'list', type: { type: 'array', items: 'string' } }])],
  ])('a few bytes that promise a quadrillion items of an %s end at once', async (name, schema) => {
    const registry = memoryRegistry()
    const codec = avroCodec(registry, { subject })
    const id = await registry.register('notes', schema)
    const wanted = name.includes('skips') ? record([text]) : schema
    const promise = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x04]
    for (const damage of [promise, [0x81, ...promise.slice(1), 0]]) {
      const bytes = Buffer.from([0, 0, 0, 0, id, ...(name.includes('skips') ? [0] : []), ...damage])
      await expect(codec.decode(notes(wanted), bytes)).rejects.toThrow(/truncated/)
    }
  })
})

describe('records of other versions', () => {
  const older = record([text])
  const newer = record([
    text,
    { name: 'lang', type: 'string', default: 'en' },
    { name: 'tags', type: { type: 'array', items: 'string' }, default: [] },
    { name: 'from', type: optional('string'), default: null },
  ])
  const both = async () => {
    const registry = memoryRegistry()
    const codecs = [older, newer].map((schema) => ({ topic: notes(schema), codec: avroCodec(registry, { subject }) }))
    for (const { codec, topic } of codecs) await codec.prepare([topic])
    return codecs as [(typeof codecs)[number], (typeof codecs)[number]]
  }

  test('what an older worker wrote gets the defaults of the newer one', async () => {
    const [old, young] = await both()
    const bytes = old.codec.encode(old.topic, { text: 'hello' })
    expect(await young.codec.decode(young.topic, bytes)).toEqual({ text: 'hello', lang: 'en', tags: [], from: null })
  })

  test('an older worker reads past what a newer one added', async () => {
    const [old, young] = await both()
    const bytes = young.codec.encode(young.topic, { text: 'hello', lang: 'de', tags: ['a', 'b'], from: 'x' })
    expect(await old.codec.decode(old.topic, bytes)).toEqual({ text: 'hello' })
  })

  test('a version that cannot be read names the field', async () => {
    const registry = memoryRegistry()
    const [foreign, ours] = [record([{ name: 'text', type: 'double' }]), record([text])]
    const codec = avroCodec(registry, { subject })
    await codec.prepare([notes(foreign)])
    const bytes = codec.encode(notes(foreign), { text: 1 })
    await expect(codec.decode(notes(ours), bytes)).rejects.toThrow(
      'schema 1 cannot be read as gainstream.Note: text was written as double and is to be read as string',
    )
  })

  test('a schema of the registry that is none is a dead letter', async () => {
    const registry = { ...memoryRegistry(), schema: async () => ({ type: 'nonsense' }) }
    const codec = avroCodec(registry, { subject })
    await expect(codec.decode(notes(older), Buffer.alloc(9))).rejects.toThrow(/schema 0 is no Avro schema/)
  })
})
