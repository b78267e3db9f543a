import fc from 'fast-check'
import { expect, test } from 'vitest'
import { murmur2, partitionOf } from '../../runtime/partition.ts'
import { bootstrapWeights, estimates, fold, merged, type Totals } from '../../runtime/totals.ts'
import type { Tally } from '../../runtime/processor.ts'

const blank = (partition = 0): Totals => ({
  ...{ stream: 's', run: 'r', stage: 'evaluate', partition, counts: {}, sums: {}, replicates: {}, updated_at: 0 },
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

test('bootstrap weights are Poisson(1) and belong to the id', () => {
  const all = Array.from({ length: 200 }, (_, i) => [...bootstrapWeights(`q${i}`)]).flat()
  const mean = all.reduce((a, b) => a + b, 0) / all.length
  const variance = all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length
  expect(mean).toBeCloseTo(1, 1)
  expect(variance).toBeCloseTo(1, 1)
  expect(bootstrapWeights('a')).toEqual(bootstrapWeights('a'))
  expect(bootstrapWeights('a')).not.toEqual(bootstrapWeights('b'))
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
