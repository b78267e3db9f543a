import { describe, expect, test } from 'vitest'
import type { Faults } from '../../../adapters/memory/faults.ts'
import { memoryLog, type MemoryLog } from '../../../adapters/memory/memory.ts'
import { random } from '../../../adapters/memory/random.ts'
import type { Claim, Outcome } from '../../../runtime/log.ts'
import { eventually, idsIn, member, out, sleep, spec } from '../../conformance/tools.ts'

const never = new AbortController().signal
const batch = (position: number, ...ids: string[]) => ({
  records: ids.map((id) => out('things', id)),
  settled: { position, note: `at ${position}` },
})

const logWith = async (faults: Partial<Faults> = {}, seed = 7): Promise<MemoryLog> => {
  const log = memoryLog({ seed, faults })
  await log.apply([spec('things')])
  return log
}
const seatOf = async (log: MemoryLog) => {
  const seat = log.source('g', 'w')
  return { seat, settled: await seat.open(never) }
}
const claimOf = async (log: MemoryLog) => {
  const own = await member(log, 'g', 'things')
  return { own, claim: await eventually('a claim', 1000, () => own.held()[0]) }
}

describe('the memory log without faults', () => {
  test('settles at once, shows it at once, and leaves no gaps', async () => {
    const log = await logWith()
    const { seat } = await seatOf(log)
    for (let n = 1; n <= 3; n++) expect(await seat.settle(batch(n, `a${n}`, `b${n}`))).toEqual({ kind: 'done' })
    const found = []
    for await (const { position } of log.read('things')) found.push(position)
    expect(found).toEqual([0, 1, 2, 3, 4, 5])
    expect(Object.values(log.struck).every((times) => times === 0)).toBe(true)
  })

  test('tells what its users do wrong: two settles at once, and a position that moves back', async () => {
    const log = await logWith()
    const { seat } = await seatOf(log)
    await Promise.all([seat.settle(batch(5)), seat.settle(batch(6))])
    await seat.settle(batch(2))
    expect(log.complaints).toEqual(['two settles at once in source w', 'a settle moved the position back from 6 to 2'])
  })

  test('a crashed handle answers nothing any more, and a handle of another log is refused', async () => {
    const log = await logWith()
    const handle = log.open()
    const asked = handle.describe('things').then(() => 'answered')
    log.crash(handle)
    expect(await Promise.race([asked, sleep(30).then(() => 'silence')])).toBe('silence')
    expect(() => log.crash(memoryLog({ seed: 1 }))).toThrow('not opened here')
  })
})

const outcomes = async (fault: keyof Faults) => {
  const log = await logWith({ [fault]: 1 })
  const { seat } = await seatOf(log)
  const outcome: Outcome = await seat.settle(batch(1, 'x'))
  const next = await seat.settle(batch(2, 'y'))
  return { log, seat, outcome, next }
}

describe('each fault by itself', () => {
  test('unknownLanded: the batch is there, and the seat takes nothing more until it is opened again', async () => {
    const { log, seat, outcome, next } = await outcomes('unknownLanded')
    expect([outcome.kind, next.kind]).toEqual(['unknown', 'unknown'])
    expect(await idsIn(log, 'things')).toEqual(['x'])
    expect(await seat.open(never)).toEqual({ position: 1, note: 'at 1' })
  })

  test('unknownVanished: nothing is there', async () => {
    const { log, seat, outcome } = await outcomes('unknownVanished')
    expect(outcome.kind).toBe('unknown')
    expect(await seat.open(never)).toBeUndefined()
    expect(await idsIn(log, 'things')).toEqual([])
  })

  test('unknownPending: it lands later, unless somebody opens the seat first', async () => {
    const { log, outcome } = await outcomes('unknownPending')
    expect(outcome.kind).toBe('unknown')
    expect(await idsIn(log, 'things')).toEqual([])
    await sleep(60)
    expect(await idsIn(log, 'things')).toEqual(['x'])
    const other = await outcomes('unknownPending')
    expect(await other.seat.open(never)).toBeUndefined()
    await sleep(60)
    expect(await idsIn(other.log, 'things')).toEqual([])
  })

  test('gaps: positions are skipped, and a topic begins above 0', async () => {
    const log = await logWith({ gaps: 1 })
    const { seat } = await seatOf(log)
    for (let n = 1; n <= 3; n++) await seat.settle(batch(n, `n${n}`))
    const found: number[] = []
    for await (const { position } of log.read('things')) found.push(position)
    const { first, end } = (await log.describe('things'))?.partitions[0] ?? { first: 0, end: 0 }
    expect(first).toBeGreaterThan(0)
    expect(found.every((position, at) => at === 0 || position > (found[at - 1] ?? 0) + 1)).toBe(true)
    expect(end).toBeGreaterThan((found.at(-1) ?? 0) + 1)
  })

  test('gaps: a take passes markers without a record', async () => {
    const log = await logWith({ gaps: 1 })
    const { claim } = await claimOf(log)
    await (await seatOf(log)).seat.settle(batch(1, 'x'))
    const first = (await log.describe('things'))?.partitions[0]?.first ?? 0
    const taken = await claim.take(first, { records: 9, bytes: 999 }, never)
    expect(taken.records.map(({ position }) => position)).toEqual([first])
    expect(taken.next).toBe((await log.describe('things'))?.partitions[0]?.end)
  })

  test('lateVisibility: describe counts a record that a reader has to wait for', async () => {
    const log = await logWith({ lateVisibility: 1 })
    const { claim } = await claimOf(log)
    await (await seatOf(log)).seat.settle(batch(1, 'x'))
    expect((await log.describe('things'))?.partitions[0]?.end).toBe(1)
    const soon = await Promise.race([
      claim.take(0, { records: 1, bytes: 9 }, never),
      new Promise((r) => setImmediate(r)),
    ])
    expect(soon).toBeUndefined()
    expect(await idsIn(log, 'things')).toEqual(['x'])
  })

  test('rebalances: a claim is lost in the middle of its settle, and the member gets a new one', async () => {
    const log = await logWith({ rebalances: 1 })
    const { own, claim } = await claimOf(log)
    await claim.open(never).catch(() => undefined)
    await claim.settle(batch(1))
    expect(claim.lost.aborted).toBe(true)
    await eventually('a new claim', 1000, () => own.held().find((other) => other !== claim))
  })

  test('zombies: a member does not notice at first, others get its partition, and its settle is fenced', async () => {
    const log = await logWith({ zombies: 1 })
    const { own, claim } = await claimOf(log)
    await claim.open(never)
    const heir = await member(log.open(), 'g', 'things')
    const young = await eventually('the partition', 1000, () => heir.held()[0])
    expect(claim.lost.aborted).toBe(false)
    await young.open(never)
    expect(await claim.settle(batch(9, 'late'))).toEqual({ kind: 'fenced' })
    await expect(claim.open(never)).rejects.toThrow('has lost')
    expect(claim.lost.aborted).toBe(true)
    await own.leave()
  })

  test('shortTakes, slowPolls and outages: fewer records, later, or not now', async () => {
    const log = await logWith()
    const { claim } = await claimOf(log)
    await (await seatOf(log)).seat.settle(batch(1, ...Array.from({ length: 20 }, (_, n) => `n${n}`)))
    const take = (from: Claim) => from.take(0, { records: 99, bytes: 99_999 }, never)
    expect((await take(claim)).records).toHaveLength(20)
    log.misbehave({ shortTakes: 1 })
    expect((await take(claim)).records.length).toBeLessThan(4)
    log.misbehave({ slowPolls: 1 })
    await take(claim)
    log.misbehave({ outages: 1 })
    await expect(take(claim)).rejects.toThrow('away for a moment')
    await expect(claim.open(never)).rejects.toThrow('away for a moment')
    expect([log.struck.shortTakes, log.struck.slowPolls, log.struck.outages]).toEqual([1, 1, 2])
  })

  test('compaction: a compacted topic drops what is superseded under way, and nothing else', async () => {
    const log = memoryLog({ seed: 3, faults: { compaction: 1 } })
    await log.apply([spec('things', 1, { compact: true })])
    const { seat } = await seatOf(log)
    for (let n = 1; n <= 6; n++) await seat.settle(batch(n, `k${n % 2}`))
    const found: number[] = []
    for await (const { position } of log.read('things')) found.push(position)
    expect(found).toEqual([4, 5])
  })
})

describe('the world of a test', () => {
  test('trim, skip and compact change what is kept', async () => {
    const log = await logWith()
    const { seat } = await seatOf(log)
    await seat.settle(batch(1, 'a', 'b', 'a'))
    log.skip('things', 0, 10)
    await seat.settle(batch(2, 'c'))
    expect(await log.describe('things')).toMatchObject({ partitions: [{ first: 0, end: 14 }] })
    log.compact('things')
    expect(await idsIn(log, 'things')).toEqual(['a', 'b', 'c'])
    log.trim('things', 0, 2)
    expect(await idsIn(log, 'things')).toEqual(['a', 'c'])
    expect(() => log.trim('nothing', 0, 1)).toThrow('no partition')
  })

  test('who sleeps keeps believing until woken', async () => {
    const log = await logWith()
    const process = log.open()
    const own = await member(process, 'g', 'things')
    const claim = await eventually('a claim', 1000, () => own.held()[0])
    log.sleep(process)
    const heir = await member(log.open(), 'g', 'things')
    await eventually('the partition', 1000, () => heir.held()[0])
    expect(claim.lost.aborted).toBe(false)
    log.wake(process)
    expect(claim.lost.aborted).toBe(true)
  })

  test('the same seed draws the same numbers, another seed others, evenly', () => {
    const draw = (seed: number) => {
      const dice = random(seed)
      return Array.from({ length: 2000 }, () => dice.next())
    }
    expect(draw(5)).toEqual(draw(5))
    expect(draw(5)).not.toEqual(draw(6))
    for (const seed of [1, 2, 3]) {
      const mean = draw(seed).reduce((sum, value) => sum + value, 0) / 2000
      expect(Math.abs(mean - 0.5)).toBeLessThan(0.03)
    }
    const dice = random(9)
    const seen = new Set(Array.from({ length: 300 }, () => dice.between(2, 5)))
    expect([...seen].sort()).toEqual([2, 3, 4, 5])
  })
})
