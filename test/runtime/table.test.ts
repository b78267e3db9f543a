import { expect, test } from 'vitest'
import type { Log } from '../../runtime/log.ts'
import { table } from '../../runtime/table.ts'
import { control, logOf, named, never } from './records.ts'

const name = named.topic(control)

/** A log with a writer of key-value pairs, the table of what was written, and from where it was read. */
const written = async () => {
  const log = await logOf([control])
  const seat = log.source('g', 'writer')
  await seat.open(never)
  let position = 0
  const write = async (...pairs: readonly [string | null, string | null][]) => {
    const records = pairs.map(([key, value]) => ({
      ...{ topic: name, partition: 0, headers: {}, timestamp: 1 },
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
    }))
    expect(await seat.settle({ records, settled: { position: ++position, note: '' } })).toEqual({ kind: 'done' })
  }
  const reads: (readonly number[] | undefined)[] = []
  const watched: Log = {
    ...log,
    describe: (topic) => log.describe(topic),
    read(topic, options) {
      reads.push(options?.from)
      return log.read(topic, options)
    },
  }
  const all = table(watched, name)
  const shown = () => Object.fromEntries([...all.entries()].map(([key, value]) => [key, value.toString()]))
  return { watched, write, all, shown, reads }
}

test('holds the newest value of each key, and nothing of a key whose newest record has none', async () => {
  const { write, all, shown } = await written()
  await write([null, 'no key'], ['a', '1'], ['b', '1'], ['a', '2'], ['b', null], ['c', '1'])
  await all.refresh()
  expect(shown()).toEqual({ a: '2', c: '1' })
  expect(all.get('a')?.toString()).toBe('2')
  expect(all.get('b')).toBeUndefined()
})

test('stays as it was until it is refreshed, and then reads on from where it ended', async () => {
  const { write, all, shown, reads } = await written()
  await write(['a', '1'])
  await all.refresh()
  await write(['a', '2'])
  expect(shown()).toEqual({ a: '1' })
  await all.refresh()
  expect(shown()).toEqual({ a: '2' })
  expect(reads[0]).toEqual([])
  expect(reads[1]![0]).toBeGreaterThan(0)
})

test('of a topic that does not exist yet is empty, and finds it once it is there', async () => {
  const log = await logOf([])
  const all = table(log, name)
  await all.refresh()
  expect([...all.entries()]).toEqual([])
  await log.apply([{ name, partitions: 1, retention: 'forever', compact: true, maxBytes: 1000 }])
  const seat = log.source('g', 'writer')
  await seat.open(never)
  const record = {
    topic: name,
    partition: 0,
    headers: {},
    timestamp: 1,
    key: Buffer.from('a'),
    value: Buffer.from('1'),
  }
  await seat.settle({ records: [record], settled: { position: 1, note: '' } })
  await all.refresh()
  expect(all.get('a')?.toString()).toBe('1')
})

test('a refresh shows what was written before it was asked for, even while another one is under way', async () => {
  const { write, watched } = await written()
  const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const slow: Log = {
    ...watched,
    async *read(topic, options) {
      begun.resolve()
      await gate.promise
      yield* watched.read(topic, options)
    },
  }
  const all = table(slow, name)
  await write(['a', '1'])
  const first = all.refresh()
  await begun.promise
  await write(['a', '2'])
  const others = [all.refresh(), all.refresh()]
  gate.resolve()
  await first
  expect(all.get('a')?.toString()).toBe('1')
  await Promise.all(others)
  expect(all.get('a')?.toString()).toBe('2')
})

test('a refresh that was aborted says so, and the next one misses nothing', async () => {
  const { write, all, shown } = await written()
  await write(['a', '1'], ['b', '1'])
  await expect(all.refresh({ signal: AbortSignal.abort(new Error('stopped')) })).rejects.toThrow('stopped')
  await all.refresh()
  expect(shown()).toEqual({ a: '1', b: '1' })
})

test('a refresh that failed is the trouble of whoever asked for it, not of the next one', async () => {
  const { write, watched } = await written()
  await write(['a', '1'])
  let failures = 1
  const moody: Log = {
    ...watched,
    async describe(topic) {
      if (failures-- > 0) throw new Error('the log is away')
      return watched.describe(topic)
    },
  }
  const all = table(moody, name)
  const [first, second] = await Promise.allSettled([all.refresh(), all.refresh()])
  expect(first).toMatchObject({ status: 'rejected', reason: { message: 'the log is away' } })
  expect(second).toMatchObject({ status: 'fulfilled' })
  expect(all.get('a')?.toString()).toBe('1')
})
