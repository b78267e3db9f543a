import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assigned } from '../../../adapters/kafka/assign.ts'

const standings = fc
  .uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 9 })
  .chain((members) =>
    fc.tuple(...members.map((member) => fc.record({ member: fc.constant(member), held: fc.uniqueArray(fc.nat(30)) }))),
  )

test('each partition goes to exactly one member, whatever the members believe they hold', () => {
  fc.assert(
    fc.property(standings, fc.integer({ min: 1, max: 24 }), (members, partitions) => {
      const given = [...assigned(members, partitions).values()].flat()
      expect(given.toSorted((a, b) => a - b)).toEqual(Array.from({ length: partitions }, (_, n) => n))
    }),
  )
})

test('shares differ by one at the most', () => {
  fc.assert(
    fc.property(standings, fc.integer({ min: 1, max: 24 }), (members, partitions) => {
      const sizes = [...assigned(members, partitions).values()].map((mine) => mine.length)
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
    }),
  )
})

test('a member that joins moves only what it gets', () => {
  const after = assigned(
    [
      { member: 'a', held: [0, 1, 2] },
      { member: 'b', held: [3, 4, 5] },
      { member: 'c', held: [] },
    ],
    6,
  )
  expect(after.get('a')).toEqual([0, 1])
  expect(after.get('b')).toEqual([3, 4])
  expect(after.get('c')).toEqual([2, 5])
})

test('a member that leaves moves only what it had', () => {
  const after = assigned(
    [
      { member: 'a', held: [0, 1] },
      { member: 'b', held: [3, 4] },
    ],
    6,
  )
  expect(after.get('a')).toEqual([0, 1, 2])
  expect(after.get('b')).toEqual([3, 4, 5])
})
