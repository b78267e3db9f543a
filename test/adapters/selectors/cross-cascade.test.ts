import { expect, test, vi, type Mock } from 'vitest'
import { cascade } from '../../../adapters/selectors/cascade.ts'
import type { Choice, Selector } from '../../../method/ports.ts'
import { choiceOf, choices, selectorContract } from '../../contracts/selector.ts'

const { signal } = new AbortController()
interface Watched extends Selector {
  readonly score: Mock<Selector['score']>
}
const saying = (
  name: string,
  of: (choice: Choice) => number,
  more: Partial<Omit<Selector, 'score'>> = {},
): Watched => ({
  identity: { name, sha256: name.padEnd(64, '0') },
  score: vi.fn((_question: string, some: readonly Choice[]) => Promise.resolve(some.map(of))),
  ...more,
})
/** By id: what the first and what the second says. */
const table = (scores: Readonly<Record<string, readonly [number, number]>>) => {
  const of = (at: 0 | 1) => (choice: Choice) => scores[choice.id]![at]
  const second = saying('second', of(1))
  const list = Object.keys(scores).map((id, i) => choiceOf(id, i + 1))
  return { list, first: saying('first', of(0)), second }
}

test.each([
  [
    'the second decides among the best of the first',
    { a: [1, 9], b: [3, 1], c: [2, 2] },
    2,
    ['c', 'b', 'a'],
    ['b', 'c'],
  ],
  [
    'the rest stands in the order of the first',
    { a: [1, 0], b: [2, 0], c: [9, 5], d: [3, 0] },
    1,
    ['c', 'd', 'b', 'a'],
    ['c'],
  ],
  [
    'the rest stands below, however bad the second finds the best',
    { a: [5, -80], b: [9, -90], c: [1, 7] },
    2,
    ['a', 'b', 'c'],
    ['a', 'b'],
  ],
  ['a tie at the edge goes to the better rank', { a: [1, 1], b: [1, 2], c: [1, 3] }, 2, ['b', 'a', 'c'], ['a', 'b']],
  ['a tie of the second stays a tie', { a: [1, 4], b: [2, 4], c: [0, 9] }, 2, ['a', 'b', 'c'], ['a', 'b']],
] as const)('%s', async (_, scores, narrow, order, asked) => {
  const { list, first, second } = table(scores)
  const found = await cascade(first, second, narrow).score('?', list, signal)
  const best = list.map(({ id, rank }, i) => ({ id, rank, score: found[i]! }))
  best.sort((a, b) => b.score - a.score || a.rank - b.rank)
  expect(best.map(({ id }) => id)).toEqual(order)
  expect(second.score.mock.calls[0]![1].map(({ id }) => id).toSorted()).toEqual(asked)
  expect(found.every(Number.isFinite)).toBe(true)
})

test('whoever stood on another place in the list has the same score', async () => {
  const { list, first, second } = table({ a: [1, 4], b: [1, 3], c: [1, 2], d: [1, 1] })
  const both = cascade(first, second, 2)
  const forth = await both.score('?', list, signal)
  expect((await both.score('?', list.toReversed(), signal)).toReversed()).toEqual(forth)
})

test('the first is not asked where all have room, and nobody where there are none', async () => {
  const { list, first, second } = table({ a: [1, 4], b: [2, 3] })
  expect(await cascade(first, second, 2).score('?', list, signal)).toEqual([4, 3])
  expect(first.score).not.toHaveBeenCalled()
})

test('its identity names both, their weights, and how many go on', () => {
  const { first, second } = table({})
  const other = saying('second', () => 0, { identity: { name: 'second', sha256: 'f'.repeat(64) } })
  const { name, sha256 } = cascade(first, second, 20).identity
  expect(name).toBe('first, best 20 by second')
  const all = [cascade(first, other, 20), cascade(first, second, 21), cascade(second, first, 20)]
  expect(new Set([sha256, ...all.map(({ identity }) => identity.sha256)]).size).toBe(4)
  expect(cascade(first, second, 20).identity.sha256).toBe(sha256)
})

test('it abstains as the second does, and closes both', async () => {
  const close = vi.fn(() => Promise.resolve())
  const first = saying('first', () => 0, { minScore: 5, close })
  const both = cascade(
    first,
    saying('second', () => 0, { minScore: -2, close }),
    1,
  )
  expect(both.minScore).toBe(-2)
  expect(
    cascade(
      first,
      saying('second', () => 0),
      1,
    ),
  ).not.toHaveProperty('minScore')
  await both.close?.()
  expect(close).toHaveBeenCalledTimes(2)
})

test.each([0, -1, 1.5, NaN])('%s candidates for the second are refused', (narrow) => {
  const { first, second } = table({})
  expect(() => cascade(first, second, narrow)).toThrow(/a whole number of candidates above 0/)
})

const length = saying('by length', ({ text }) => text.length)
const place = saying('by rank', ({ rank }) => -rank)
const patient = (of: Selector): Selector => ({
  identity: of.identity,
  async score(question, some, aborted) {
    aborted.throwIfAborted()
    return of.score(question, some, aborted)
  },
})
selectorContract(`a cascade of ${choices.length} and 3`, () =>
  Promise.resolve(cascade(patient(length), patient(place), 3)),
)
