import { expect, test } from 'vitest'
import { retriever } from '../../adapters/retriever.ts'
import type { Embedder, Near, PassageStore } from '../../method/ports.ts'

const { signal } = new AbortController()
const near = (id: string, score: number): Near => ({ passage: { id, title: '', text: id }, score })
const asked: [string, number][] = []
const listed = (which: string, list: Near[]) => async (_: unknown, k: number) => {
  asked.push([which, k])
  return list.slice(0, k)
}
const store = {
  near: listed('near', [near('a', 0.9), near('b', 0.8), near('c', 0.7)]),
  match: listed('match', [near('c', 12), near('b', 11), near('d', 10)]),
} as unknown as PassageStore
const embedder = { embed: async () => [Float32Array.of(1)] } as unknown as Embedder

const retrieve = async (mode: 'dense' | 'sparse' | 'fused', k: number) => {
  asked.length = 0
  return retriever({ embedder, store, mode, depth: 50 }).retrieve('a question', k, signal)
}

test('by meaning: the ranks and scores of the dense ranking', async () => {
  const found = await retrieve('dense', 2)
  expect(
    found.map(({ id, rank, score, dense_rank, sparse_rank }) => [id, rank, score, dense_rank, sparse_rank]),
  ).toEqual([
    ['a', 1, 0.9, 1, null],
    ['b', 2, 0.8, 2, null],
  ])
  expect(asked).toEqual([['near', 2]])
})

test('by words: the ranks and scores of the sparse ranking', async () => {
  expect((await retrieve('sparse', 1)).map(({ id, score, sparse_rank }) => [id, score, sparse_rank])).toEqual([
    ['c', 12, 1],
  ])
  expect(asked).toEqual([['match', 1]])
})

test('fused: both rankings are read to their depth, and what both hold comes first', async () => {
  const found = await retrieve('fused', 3)
  expect(found.map(({ id }) => id)).toEqual(['c', 'b', 'a'])
  expect(found[0]).toMatchObject({ source: 'retrieved', dense_rank: 3, sparse_rank: 1, sparse_score: 12 })
  expect(asked.toSorted()).toEqual([
    ['match', 50],
    ['near', 50],
  ])
})

test('fused: more candidates than the depth are read as far as they are asked for', async () => {
  await retrieve('fused', 80)
  expect(asked.map(([, k]) => k)).toEqual([80, 80])
})
