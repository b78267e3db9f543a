import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { candidatesOf, fuse, type Near } from '../../method/index.ts'
import { ids } from './candidate.ts'

const near = (...found: string[]): Near[] =>
  found.map((id, i) => ({ passage: { id, title: `T ${id}`, text: `text ${id}` }, score: 10 - i }))

describe('fusion', () => {
  test('adds 1 / (60 + rank) over both lists and keeps what each list said', () => {
    const [first, second, third] = fuse(near('a', 'b'), near('b', 'c'))
    expect(first).toMatchObject({ id: 'b', rank: 1, dense_rank: 2, dense_score: 9, sparse_rank: 1, sparse_score: 10 })
    expect(first?.score).toBeCloseTo(1 / 62 + 1 / 61, 15)
    expect(second).toMatchObject({
      id: 'a',
      rank: 2,
      score: 1 / 61,
      dense_rank: 1,
      sparse_rank: null,
      sparse_score: null,
    })
    expect(third).toMatchObject({
      id: 'c',
      rank: 3,
      score: 1 / 62,
      dense_rank: null,
      dense_score: null,
      sparse_rank: 2,
    })
    expect(first).toMatchObject({ title: 'T b', text: 'text b', source: 'retrieved', same_as: [], twin_of: null })
  })

  test('lets ties go to the better dense rank', () => {
    expect(ids(fuse(near('a', 'b'), near('b', 'a')))).toEqual(['a', 'b'])
    expect(ids(fuse(near('x'), near('y')))).toEqual(['x', 'y'])
    expect(ids(fuse([], near('y', 'x')))).toEqual(['y', 'x'])
  })

  test('weighs the first places more with a small k', () => {
    const [dense, sparse] = [near('a', 'x', 'c'), near('y', 'z', 'c')]
    expect(fuse(dense, sparse, { k: 60 })[0]?.id).toBe('c')
    expect(fuse(dense, sparse, { k: 0 })[0]?.id).toBe('a')
  })

  test('counts the first place of an id that a list holds twice', () => {
    expect(fuse(near('a', 'a', 'b'), [])).toMatchObject([
      { id: 'a', dense_rank: 1, dense_score: 10 },
      { id: 'b', dense_rank: 3, rank: 2 },
    ])
  })

  test('stops at the limit and takes empty lists', () => {
    expect(ids(fuse(near('a', 'b', 'c'), [], { limit: 2 }))).toEqual(['a', 'b'])
    expect(fuse([], [])).toEqual([])
  })

  test('ranks from 1 without gaps, best score first, every passage once', () => {
    const list = fc.uniqueArray(fc.integer({ min: 0, max: 30 }).map(String), { maxLength: 20 })
    fc.assert(
      fc.property(list, list, (dense, sparse) => {
        const fused = fuse(near(...dense), near(...sparse))
        expect(fused.map(({ rank }) => rank)).toEqual(fused.map((_, i) => i + 1))
        expect(new Set(ids(fused))).toEqual(new Set([...dense, ...sparse]))
        const scores = fused.map(({ score }) => score ?? NaN)
        expect(scores).toEqual(scores.toSorted((a, b) => b - a))
        expect(ids(fuse(near(...dense), []))).toEqual(dense)
      }),
    )
  })

  test('is not needed for a single ranking, whose score is its own', () => {
    expect(candidatesOf(near('a', 'b'), 'sparse', 1)).toMatchObject([
      { id: 'a', rank: 1, score: 10, sparse_rank: 1, sparse_score: 10, dense_rank: null },
    ])
    expect(candidatesOf(near('a'), 'dense')[0]).toMatchObject({ dense_rank: 1, sparse_rank: null })
  })
})
