import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { murmur2, partitionOf } from '../../runtime/partition.ts'
import { bootstrapWeights, estimates, fold, merged, type Totals } from '../../runtime/totals.ts'
import type { Tally } from '../../runtime/processor.ts'

const blank = (partition = 0): Totals => ({
  ...{
    stream: 's',
    run: 'r',
    stage: 'evaluate',
    partition,
    counts: {},
    sums: {},
    replicates: {},
    updated_at: 0,
    recent: {},
  },
})
const graded = (id: string, f1: number): Tally => ({
  ...{ run: 'r', id, outcome: 'graded', sums: { tokens: 2 }, figures: { group: 'nq', values: { f1 } } },
})

test('counts, sums and reasons add up', () => {
  const tallies = [graded('a', 1), { run: 'r', id: 'b', outcome: 'filtered', reason: 'no answer' }, graded('c', 0)]
  const { counts, sums } = fold(blank(), tallies, 5)
  expect(counts).toEqual({ graded: 2, filtered: 1, 'filtered: no answer': 1 })
  expect(sums).toEqual({ tokens: 4 })
})

test('a superseded reject is taken back', () => {
  const rejected = { run: 'r', id: 'a', outcome: 'rejected', reason: 'failed' }
  const once = fold(blank(), [rejected], 1)
  const { counts } = fold(
    once,
    [
      { ...rejected, times: -1 },
      { run: 'r', id: 'a', outcome: 'kept' },
    ],
    2,
  )
  expect(counts).toEqual({ rejected: 0, 'rejected: failed': 0, kept: 1 })
})

test('folding in any batches and partitions gives the same totals', () => {
  const values = fc.array(fc.tuple(fc.string(), fc.constantFrom(0, 0.5, 1)), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(values, fc.nat(39), (rows, cut) => {
      const tallies = rows.map(([id, f1]) => graded(id, f1))
      const whole = merged([fold(blank(), tallies, 0)])
      const split = merged([fold(blank(0), tallies.slice(0, cut), 0), fold(blank(1), tallies.slice(cut), 0)])
      expect(split).toEqual(whole)
    }),
    { numRuns: 50 },
  )
})

test('intervals out of the fold agree with an ordinary bootstrap', () => {
  const rows = Array.from({ length: 400 }, (_, i) => graded(`q${i}`, Number(i % 5 === 0)))
  const { f1 } = estimates(merged([fold(blank(), rows, 0)]).figures).nq!
  expect(f1).toMatchObject({ n: 400, mean: 0.2 })
  // Standard error of a share of 0.2 in 400: 0.02.
  expect(f1!.low).toBeGreaterThan(0.13)
  expect(f1!.low).toBeLessThan(0.18)
  expect(f1!.high).toBeGreaterThan(0.22)
  expect(f1!.high).toBeLessThan(0.27)
})

describe('bootstrap weights', () => {
  const weights = Array.from({ length: 5000 }, (_, i) => bootstrapWeights(`q${i}`))
  const all = weights.flatMap((list) => [...list])
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length

  test('are 200 a record and follow Poisson(1)', () => {
    expect(weights[0]).toHaveLength(200)
    const shares = [0, 1, 2, 3, 4, 5].map((n) => all.filter((weight) => weight === n).length / all.length)
    const expected = [1, 1, 2, 6, 24, 120].map((factorial) => Math.exp(-1) / factorial)
    shares.forEach((share, n) => expect(Math.abs(share - expected[n]!)).toBeLessThan(0.0025))
    expect(mean(all.map((weight) => (weight - 1) ** 2))).toBeCloseTo(1, 1)
  })

  test('never change: stored totals depend on them', () => {
    expect([...bootstrapWeights('q1')].slice(0, 20).join('')).toBe('33010111012032300111')
  })

  test('are the same for the same id and unrelated for ids and replicates side by side', () => {
    expect(bootstrapWeights('q7')).toEqual(weights[7])
    const covariance = (pairs: readonly (readonly [number, number])[]) => mean(pairs.map(([a, b]) => (a - 1) * (b - 1)))
    const records = weights.slice(1).flatMap((list, i) => Array.from(list, (w, r) => [w, weights[i]![r]!] as const))
    const replicates = weights.flatMap((list) => Array.from(list.slice(1), (w, r) => [w, list[r]!] as const))
    expect(Math.abs(covariance(records))).toBeLessThan(0.005) // 5 standard deviations
    expect(Math.abs(covariance(replicates))).toBeLessThan(0.005)
  })
})

// The values that the Java client's own tests expect.
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('the key %s goes where other Kafka clients put it', (key, hash) => {
  expect(murmur2(Buffer.from(key))).toBe(hash)
  expect(partitionOf(key, 6)).toBe((hash & 0x7fffffff) % 6)
})
