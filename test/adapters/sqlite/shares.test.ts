import fc from 'fast-check'
import { expect, test } from 'vitest'
import { share } from '../../../adapters/sqlite/shares.ts'

type Held = Map<string, number[]>

/** Members call the roll in any order, again and again; `moved` counts the partitions that change hands. */
const settle = (held: Held, partitions: number, order: readonly string[]) => {
  let moved = 0
  for (let round = 0; round < 3; round++)
    for (const me of order) {
      const { give, take } = share(me, held, partitions)
      moved += give.length
      held.set(me, (held.get(me) ?? []).filter((partition) => !give.includes(partition)).concat(take))
    }
  return moved
}

const sizes = (held: Held) => [...held.values()].map((mine) => mine.length)

/** What must change hands when those who hold most keep the odd ones. */
const leastMoves = (counts: readonly number[], partitions: number) =>
  counts
    .toSorted((a, b) => b - a)
    .map((n, rank) => n - Math.floor(partitions / counts.length) - (rank < partitions % counts.length ? 1 : 0))
    .reduce((sum, excess) => sum + Math.max(0, excess), 0)

const worlds = fc
  .record({ partitions: fc.integer({ min: 1, max: 24 }), members: fc.integer({ min: 1, max: 8 }) })
  .chain(({ partitions, members }) => {
    const names = Array.from({ length: members }, (_, n) => `m${n}`)
    const holder = fc.option(fc.constantFrom(...names))
    const order = fc.shuffledSubarray(names, { minLength: members })
    return fc.record({
      names: fc.constant(names),
      holders: fc.array(holder, { minLength: partitions, maxLength: partitions }),
      order,
    })
  })

test('from any state, members that call the roll in any order share evenly, each partition once, and then rest', () => {
  fc.assert(
    fc.property(worlds, ({ names, holders, order }) => {
      const held: Held = new Map(names.map((name) => [name, holders.flatMap((who, p) => (who === name ? [p] : []))]))
      const excess = leastMoves(sizes(held), holders.length)
      const moved = settle(held, holders.length, order)
      expect([...held.values()].flat().sort((a, b) => a - b)).toEqual(holders.map((_, partition) => partition))
      expect(Math.max(...sizes(held)) - Math.min(...sizes(held))).toBeLessThanOrEqual(1)
      expect(moved).toBeLessThanOrEqual(excess)
      expect(settle(held, holders.length, order)).toBe(0)
    }),
  )
})

test('a member that joins gets its share, and only that moves', () => {
  const held: Held = new Map([
    ['a', [0, 1, 2]],
    ['b', [3, 4, 5]],
    ['c', []],
  ])
  expect(settle(held, 6, ['a', 'b', 'c'])).toBe(2)
  expect(held.get('a')).toEqual([0, 1])
  expect(held.get('b')).toEqual([3, 4])
  expect(held.get('c')).toEqual([2, 5])
})
