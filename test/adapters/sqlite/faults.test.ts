import { DatabaseSync } from 'node:sqlite'
import { afterEach, expect, test } from 'vitest'
import { openSqliteLog, type SqliteLog, type SqliteOptions } from '../../../adapters/sqlite/log.ts'
import { Fatal, Unavailable } from '../../../runtime/errors.ts'
import type { Claim, Outcome } from '../../../runtime/log.ts'
import { eventually, idsIn, opened, out, spec } from '../../conformance/tools.ts'
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
  await log.apply([spec('things'), spec('outputs')])
  return { log, path }
}

const cause = (outcome: Outcome) => ('cause' in outcome ? outcome.cause : undefined)
const settled = (position: number) => ({ position, note: `${position}` })

/** Lets no other connection write, as a process in a long transaction does. */
const lockedBy = (path: string) => {
  const other = new DatabaseSync(path)
  after.push(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  return { release: () => other.exec('COMMIT') }
}

test('on a full disk nothing is lost: batches wait, those before stay, and all goes on once there is room', async () => {
  const { log } = await fresh({ maxBytes: 2_000_000 })
  const seat = log.source('writers', 'w')
  await opened(seat)
  const write = (n: number) =>
    seat.settle({ records: [out('things', `${n}`, 0, Buffer.alloc(100_000, n))], settled: settled(n + 1) })
  let written = 0
  let outcome = await write(written)
  while (outcome.kind === 'done') outcome = await write(++written)
  expect(written).toBeGreaterThan(10)
  expect(outcome.kind).toBe('unknown')
  expect(cause(outcome)).toBeInstanceOf(Unavailable)
  expect(cause(outcome)?.message).toMatch(/cannot grow: the disk or its allowance is full/)
  expect(await opened(seat)).toEqual(settled(written))
  expect((await write(written)).kind).toBe('unknown')
  expect(await idsIn(log, 'things')).toHaveLength(written)
  connection(log).sql('PRAGMA max_page_count = 100000').get()
  expect(await opened(seat)).toEqual(settled(written))
  expect((await write(written)).kind).toBe('done')
  expect(await idsIn(log, 'things')).toHaveLength(written + 1)
})

test("a settle waits for another process's transaction without holding up the event loop", async () => {
  const { log, path } = await fresh()
  const seat = log.source('writers', 'w')
  await opened(seat)
  const lock = lockedBy(path)
  setTimeout(() => lock.release(), 400)
  let [last, longest] = [performance.now(), 0]
  const ticking = setInterval(() => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 1)
  const outcome = await seat.settle({ records: [out('things', 'x')], settled: settled(1) })
  clearInterval(ticking)
  expect(outcome.kind).toBe('done')
  expect(longest).toBeLessThan(150)
})

test('a lock that does not end makes a settle unknown, an open unavailable, and writes nothing', async () => {
  const { log, path } = await fresh({ patience: 200 })
  const seat = log.source('writers', 'w')
  await opened(seat)
  const lock = lockedBy(path)
  const outcome = await seat.settle({ records: [out('things', 'x')], settled: settled(1) })
  expect(outcome.kind).toBe('unknown')
  expect(cause(outcome)?.message).toMatch(/another process has kept the log .* locked for too long/)
  await expect(seat.open(new AbortController().signal)).rejects.toBeInstanceOf(Unavailable)
  lock.release()
  expect(await opened(seat)).toBeUndefined()
  expect(await idsIn(log, 'things')).toEqual([])
})

test('once the lease has run out a holder settles and opens nothing, is told so, and gets a new claim', async () => {
  let now = 1_000_000
  const { log } = await fresh({ clock: () => now, heartbeat: 3_600_000 })
  const claims: Claim[] = []
  await log.join({ group: 'g', topic: 'things', onClaim: (claim) => void claims.push(claim), onFailure() {} })
  const [old] = claims as [Claim]
  await opened(old)
  expect((await old.settle({ records: [], settled: settled(1) })).kind).toBe('done')
  now += 10_001
  const late = { records: [out('outputs', 'late')], settled: settled(2) }
  expect((await old.settle(late)).kind).toBe('fenced')
  await expect(old.open(new AbortController().signal)).rejects.toBeInstanceOf(Fatal)
  const young = await eventually('a new claim', 2_000, () => claims[1])
  expect(old.lost.aborted).toBe(true)
  expect(await opened(young)).toEqual(settled(1))
  expect((await old.settle(late)).kind).toBe('fenced')
  expect((await young.settle({ ...late, records: [out('outputs', 'good')] })).kind).toBe('done')
  expect(await idsIn(log, 'outputs')).toEqual(['good'])
})

test('a note that Kafka could not keep and a position that is no whole number are refused here, too', async () => {
  const { log } = await fresh()
  const seat = log.source('writers', 'w')
  await opened(seat)
  const long = await seat.settle({ records: [], settled: { position: 1, note: 'n'.repeat(4_001) } })
  expect([long.kind, cause(long)?.message]).toEqual(['refused', 'a note of 4001 characters is over the 4000'])
  expect((await seat.settle({ records: [], settled: { position: 0.5, note: '' } })).kind).toBe('refused')
  expect(await opened(seat)).toBeUndefined()
})

test('records that no topic can take are refused with a sentence, and the batch with them', async () => {
  const { log } = await fresh()
  await log.apply([spec('state', 1, { compact: true })])
  const seat = log.source('writers', 'w')
  await opened(seat)
  const said = async (bad: ReturnType<typeof out>) => {
    const outcome = await seat.settle({ records: [out('things', 'good'), bad], settled: settled(1) })
    expect(outcome.kind).toBe('refused')
    return cause(outcome)?.message
  }
  expect(await said(out('nowhere', 'x'))).toBe('topic nowhere does not exist in this log')
  expect(await said(out('things', 'x', 7))).toBe('topic things has no partition 7')
  expect(await said({ ...out('state', 'x'), key: null })).toBe(
    'the compacted topic state takes no record without a key',
  )
  expect(await said(out('things', 'x', 0, Buffer.alloc(1_000_001)))).toBe(
    'a value of 1000001 bytes is over the 1000000 that topic things takes',
  )
  expect(await idsIn(log, 'things')).toEqual([])
})

test('after closing, a seat is fenced and the rest says that the log was closed', async () => {
  const { log } = await fresh()
  const seat = log.source('writers', 'w')
  await opened(seat)
  await log.close()
  expect((await seat.settle({ records: [], settled: settled(1) })).kind).toBe('fenced')
  await expect(log.describe('things')).rejects.toThrow('the log was closed')
})
