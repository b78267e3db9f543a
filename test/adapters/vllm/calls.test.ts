import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { callsOf, readings } from '../../../adapters/vllm/calls.ts'
import { looksOf } from '../../../adapters/vllm/plain.ts'

const golds = fc
  .uniqueArray(fc.array(fc.nat(3), { minLength: 1, maxLength: 5 }), {
    maxLength: 12,
    selector: (gold) => gold.join(' '),
  })
  .filter((all) => all.length > 0)

const placesIn = (all: readonly (readonly number[])[]) =>
  [...new Set(all.flatMap((gold) => gold.map((token, i) => `${gold.slice(0, i).join(' ')}|${token}`)))].sort()

describe('the calls for some golds', () => {
  test('read every token of every gold exactly once, whatever room a row has', () => {
    fc.assert(
      fc.property(golds, fc.integer({ min: 1, max: 4 }), (all, room) => {
        const read = callsOf(all, room).flatMap(({ prefix, path, wanted }) =>
          wanted.flatMap((tokens, s) =>
            tokens.map((token) => `${[...prefix, ...path.slice(0, s)].join(' ')}|${token}`),
          ),
        )
        expect(read.toSorted()).toEqual(placesIn(all))
      }),
    )
  })

  test('read the forced token of each step first, and no more than a row has room for', () => {
    fc.assert(
      fc.property(golds, fc.integer({ min: 1, max: 4 }), (all, room) => {
        for (const { path, wanted } of callsOf(all, room)) {
          expect(wanted.map(([first]) => first)).toEqual(path)
          expect(Math.max(...wanted.map((tokens) => tokens.length))).toBeLessThanOrEqual(room)
        }
      }),
    )
  })

  test.each([
    ['one gold is one call', [[5, 6, 7]], 1],
    ['golds of one token each are one call', [[5], [6], [7]], 1],
    ['a gold that another begins with costs nothing', [[5, 6], [5, 6, 7]], 1],
    ['golds that differ in their last token are one call', [[5, 6], [5, 7]], 1],
    ['golds that differ earlier are a call each', [[5, 6, 7], [8, 6, 7]], 2],
  ])('%s', (_, all, calls) => expect(callsOf(all, 60).length).toBe(calls)) // prettier-ignore

  test('a further call begins where its gold leaves the others', () => {
    const [, second] = callsOf([[5, 6, 7, 8], [5, 6, 9, 10]], 60) // prettier-ignore
    expect(second).toEqual({ prefix: [5, 6, 9], path: [10], wanted: [[10]] })
  })
})

test('a plain measurement looks at every row once, the short ones first', () => {
  fc.assert(
    fc.property(golds, fc.integer({ min: 1, max: 4 }), (all, room) => {
      const looks = looksOf(all, room)
      const read = looks.flatMap(({ before, tokens }) => tokens.map((token) => `${before.join(' ')}|${token}`))
      expect(read.toSorted()).toEqual(placesIn(all))
      expect(looks.every(({ tokens }) => tokens.length <= room)).toBe(true)
      const lengths = looks.map(({ before }) => before.length)
      expect(lengths).toEqual(lengths.toSorted((a, b) => a - b))
    }),
  )
})

test('what was read is found along each gold', () => {
  const found = readings<string>()
  found.put([], 5, 'a')
  found.put([5], 6, 'b')
  found.put([5], 7, 'c')
  expect([found.along([5, 6]), found.along([5, 7])]).toEqual([['a', 'b'], ['a', 'c']]) // prettier-ignore
})
