import { createRequire } from 'node:module'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { grouped, readRecord, writeRecord, type BatchContext, type Written } from '../../../adapters/kafka/wire.ts'

/** The library's own function, which the adapter has put aside. */
const original = <F>(path: string): F => {
  const require = createRequire(import.meta.url)
  const file = require.resolve(`kafkajs/src/${path}`)
  const kept = require.cache[file]
  delete require.cache[file]
  const own = require(file) as F
  if (kept) require.cache[file] = kept
  return own
}
const libraryWrites = original<(record: Written) => { buffer: Buffer }>('protocol/recordBatch/record/v0/index.js')
const libraryReads = original<(from: unknown, context: BatchContext) => object>(
  'protocol/recordBatch/record/v0/decoder.js',
)
const Decoder = original<new (bytes: Buffer) => { readVarIntBytes(): Buffer }>('protocol/decoder.js')

const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each))
const name = fc.string({ unit: 'grapheme', maxLength: 80 }).filter((text) => !(text in {}))
const record = fc.record({
  offsetDelta: fc.nat(2 ** 20),
  timestampDelta: fc.oneof(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: -(2 ** 45), max: 2 ** 45 })),
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.dictionary(name, fc.oneof(bytes, fc.string(), fc.array(bytes, { minLength: 2, maxLength: 3 }))),
})
const context: BatchContext = {
  ...{ firstOffset: '4503599627', firstTimestamp: '1700000000000', maxTimestamp: '1700000009999' },
  ...{ timestampType: 0, isControlBatch: false, magicByte: 2 },
}

test('a record is written byte for byte as the library writes it', () => {
  fc.assert(
    fc.property(record, (each) => {
      expect(writeRecord(each).buffer.equals(libraryWrites(each).buffer)).toBe(true)
    }),
  )
})

test('a record is read as the library reads it, whoever’s clock counts', () => {
  fc.assert(
    fc.property(record, fc.constantFrom(0, 1), fc.boolean(), (each, timestampType, isControlBatch) => {
      const about = { ...context, timestampType, isControlBatch }
      const body = () => new Decoder(new Decoder(libraryWrites(each).buffer).readVarIntBytes())
      expect(readRecord(body() as unknown as { buffer: Buffer }, about)).toEqual(libraryReads(body(), about))
    }),
  )
})

test('a header may have the name of something that every object has', () => {
  const { buffer } = writeRecord({ headers: { constructor: Buffer.from('me') } })
  const { headers } = readRecord({ buffer: buffer.subarray(1) }, context)
  expect(Object.entries(headers)).toEqual([['constructor', Buffer.from('me')]])
})

test('a record that ends early is an error, not a record', () => {
  const { buffer } = writeRecord({ value: Buffer.from('all of it'), headers: { run: 'r' } })
  expect(() => readRecord({ buffer: buffer.subarray(1, 5) }, context)).toThrow()
})

test('messages are grouped as the library groups them', () => {
  const libraryGroups = original<typeof grouped>('producer/groupMessagesPerPartition.js')
  const partitioner = ({ message }: { message: { partition: number } }) => message.partition
  fc.assert(
    fc.property(fc.array(fc.record({ partition: fc.nat(5), n: fc.nat() })), fc.boolean(), (messages, known) => {
      const all = { topic: 't', partitionMetadata: known ? [{}] : [], messages, partitioner }
      expect(grouped(all)).toEqual(libraryGroups(all))
    }),
  )
})

test('the library uses these functions', async () => {
  await import('../../../adapters/kafka/vendor.ts')
  const require = createRequire(import.meta.url)
  const produce = require('kafkajs/src/protocol/requests/produce/v3/request.js') as (about: object) => {
    encode(): Promise<{ buffer: Buffer }>
  }
  const messages = [{ key: 'k', value: 'v', timestamp: '1700000000000', headers: { run: 'r' } }]
  const topicData = [{ topic: 't', partitions: [{ partition: 0, firstSequence: 0, messages }] }]
  const { buffer } = await produce({ acks: -1, timeout: 1, topicData }).encode()
  expect(buffer.includes(writeRecord({ key: 'k', value: 'v', headers: { run: 'r' } }).buffer)).toBe(true)
  expect(require('kafkajs/src/protocol/recordBatch/record/v0/index.js')).toBe(writeRecord)
})
