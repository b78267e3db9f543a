import { afterEach, expect, test } from 'vitest'
import { openSqliteLog, type SqliteLog, type SqliteOptions } from '../../../adapters/sqlite/log.ts'
import { sqliteRegistry } from '../../../adapters/sqlite/registry.ts'
import { Fatal, Rejected } from '../../../runtime/errors.ts'
import type { Claim, Outgoing } from '../../../runtime/log.ts'
import { eventually, idOf, idsIn, opened, out, readAll, spec, writer } from '../../conformance/tools.ts'
import { connection, scratch } from './storage.ts'

const after: (() => unknown)[] = []
afterEach(async () => {
  for (const undo of after.splice(0).reverse()) await undo()
})

const fresh = async (options: SqliteOptions = {}): Promise<{ log: SqliteLog; path: string }> => {
  const { path, drop } = scratch()
  after.push(drop)
  const log = await openSqliteLog(path, options)
  after.push(() => log.close())
  return { log, path }
}

const aged = (topic: string, id: string, timestamp: number): Outgoing => ({ ...out(topic, id), timestamp })
const count = (log: SqliteLog, table: string) => connection(log).sql(`SELECT count(*) n FROM ${table}`).get()?.['n']

test('what a topic need not keep any longer goes, oldest first, and never from between younger records', async () => {
  let now = 1_000_000
  const { log } = await fresh({ clock: () => now })
  await log.apply([spec('short', 1, { retention: 1_000 }), spec('long')])
  const source = await writer(log, 'w')
  await source.write(
    Array.from({ length: 700 }, (_, n) => aged('short', `${n}`, now)).concat(aged('long', 'kept', now)),
  )
  now += 900
  await source.write([aged('short', 'young', now), aged('short', 'old among young', 0), aged('short', 'younger', now)])
  await log.prune()
  expect(await idsIn(log, 'short')).toHaveLength(703)
  now += 200
  await log.prune()
  expect((await readAll(log, 'short')).map(idOf)).toEqual(['young', 'old among young', 'younger'])
  expect((await log.describe('short'))?.partitions).toEqual([{ first: 700, end: 703 }])
  expect(await idsIn(log, 'long')).toEqual(['kept'])
  now += 2_000
  await log.prune()
  expect((await log.describe('short'))?.partitions).toEqual([{ first: 703, end: 703 }])
  await expect(readAll(log, 'short', { from: [0] })).rejects.toThrow(
    /begins at 703: the records from 0 on were deleted/,
  )
})

test('a deletion in a compacted topic is shown to followers for a day and then goes', async () => {
  let now = 1_000_000
  const { log } = await fresh({ clock: () => now })
  await log.apply([spec('state', 1, { compact: true })])
  const source = await writer(log, 'w')
  await source.write([aged('state', 'a', now), aged('state', 'b', now)])
  await source.write([{ ...out('state', 'a', 0, null), timestamp: now }])
  const shown = async () =>
    (await readAll(log, 'state')).map((record) => `${idOf(record)} ${record.value ? 'is' : 'was'}`)
  expect(await shown()).toEqual(['b is', 'a was'])
  now += 86_400_001
  await log.prune()
  expect(await shown()).toEqual(['b is'])
  expect(count(log, 'newest')).toBe(1)
  await source.write([aged('state', 'a', now)])
  expect(await shown()).toEqual(['b is', 'a is'])
})

test('a removed topic leaves nothing behind, and its room is given back', async () => {
  const { log } = await fresh()
  await log.apply([spec('big', 2), spec('kept')])
  const source = await writer(log, 'w')
  for (let n = 0; n < 20; n++)
    await source.write(Array.from({ length: 50 }, (_, at) => out('big', `${n} ${at}`, at % 2, Buffer.alloc(10_000))))
  await source.write([out('kept', 'x')])
  const pages = () => Number(connection(log).sql('PRAGMA page_count').get()?.['page_count'])
  const before = pages()
  await log.remove({ topics: ['big'], groups: [] })
  expect(count(log, 'records')).toBe(1)
  expect(count(log, 'lanes')).toBe(1)
  expect(pages()).toBeLessThan(before / 10)
  expect(await idsIn(log, 'kept')).toEqual(['x'])
})

test('what a killed process left of a removed topic is swept away by whoever opens the log next', async () => {
  const { log, path } = await fresh()
  await log.apply([spec('things')])
  await (await writer(log, 'w')).write([out('things', 'x')])
  const db = connection(log)
  await db.change(() => {
    db.sql('UPDATE lanes SET topic = NULL').run()
    db.sql('DELETE FROM topics').run()
  })
  const next = await openSqliteLog(path)
  after.push(() => next.close())
  await eventually('a clean file', 2_000, () => count(next, 'records') === 0 || undefined)
})

test('I9 a group that knew a topic is stopped where the topic was made anew, and has settled nothing in the new one', async () => {
  const { log } = await fresh()
  const claimed = async () => {
    const claim = await new Promise<Claim>(
      (onClaim, onFailure) => void log.join({ group: 'g', topic: 'things', onClaim, onFailure }),
    )
    return claim
  }
  await log.apply([spec('things')])
  const old = await claimed()
  await opened(old)
  await old.settle({ records: [], settled: { position: 7, note: '' } })
  await log.remove({ topics: ['things'], groups: [] })
  await log.apply([spec('things')])
  await expect(opened(old)).rejects.toThrow(Fatal)
  expect(await log.settled('g', 'things')).toEqual([undefined])
  expect(await opened(await claimed())).toBeUndefined()
})

test('apply makes what is missing, changes what can be changed, and refuses another number of partitions', async () => {
  const { log } = await fresh()
  await log.apply([spec('things', 4)])
  const before = await log.describe('things')
  await log.apply([spec('things', 4, { retention: 5, maxBytes: 10 }), spec('more')])
  expect(await log.describe('things')).toEqual(before)
  expect((await log.describe('more'))?.partitions).toEqual([{ first: 0, end: 0 }])
  await expect(log.apply([spec('new'), spec('things', 6)])).rejects.toThrow(
    'topic things has 4 partitions and the configuration asks for 6: set partitions to 4, or use another stream name',
  )
  expect(await log.describe('new')).toBeUndefined()
  await expect(log.apply([spec('things', 4, { compact: true })])).rejects.toThrow(/is not compacted/)
})

test('headers keep every text, also half a surrogate pair and a NUL', async () => {
  const { log } = await fresh()
  await log.apply([spec('things')])
  const headers = { 'a\0b': 'c\0d', half: '\ud83d', '': '', quote: '"\\' }
  await (await writer(log, 'w')).write([{ ...out('things', 'x'), headers }])
  expect((await readAll(log, 'things'))[0]?.headers).toEqual(headers)
})

test('a schema has one id, the same for every process and under every subject', async () => {
  const { log, path } = await fresh()
  const [mine, theirs] = [sqliteRegistry(log), sqliteRegistry(path)]
  const [a, b] = [{ type: 'string' }, { type: 'long' }]
  const id = await mine.register('things-value', a)
  const other = await theirs.register('things-value', b)
  expect(Number.isInteger(id) && id > 0 && id < 2 ** 31).toBe(true)
  expect(other).not.toBe(id)
  expect(await theirs.register('things-value', { ...a })).toBe(id)
  expect(await theirs.register('outputs-value', a)).toBe(id)
  expect([await theirs.schema(id), await mine.schema(other)]).toEqual([a, b])
  await expect(mine.schema(99)).rejects.toThrow(Rejected)
})
