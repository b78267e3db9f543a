import { describe, expect, test } from 'vitest'
import type { Choice, Selector } from '../../method/ports.ts'
import { select } from '../../processors/index.ts'
import type { Candidate } from '../../schemas/passage.ts'
import type { Query } from '../../schemas/query.ts'
import { contexts } from '../../topics/index.ts'
import { candidate, ids } from '../method/candidate.ts'
import { asked, candidatesOf, key, never, query, single, taken } from './records.ts'

/** A selector that gives these scores, and everything that it was handed. */
const giving = (...scores: number[]) => {
  const calls: { question: string; choices: readonly Choice[]; signal: AbortSignal }[] = []
  const selector: Selector = {
    identity: { name: 'double', sha256: 'abc' },
    async score(question, choices, signal) {
      calls.push({ question, choices, signal })
      return scores
    },
  }
  return { selector, calls }
}

const passages = [
  candidate('a', 1, { text: 'the Danube', score: 0.9, dense_rank: 2, dense_score: 0.8 }),
  candidate('b', 2, { text: 'the Rhine', sparse_rank: 1, sparse_score: 7, given_score: 3, same_as: ['b2'] }),
  candidate('generated:nq/12', 3, { source: 'generated', text: 'Perhaps the Danube', twin_of: 'a' }),
]

const selected = async (scores: number[], more: Partial<Query> = {}, found: Candidate[] = passages, keep = 1) => {
  const { selector, calls } = giving(...scores)
  const { outputs, tally } = await taken(select, candidatesOf(found, more), {
    inForce: () => ({ selector }),
    keep,
    abstain: false,
  })
  return { ...single(outputs, contexts), tally, calls }
}

describe('select', () => {
  test('keeps the passage with the highest score with its text, and the scores of all in selector order', async () => {
    const { key: given, value, tally } = await selected([1, 3, 2])
    expect(given).toBe(key)
    expect(value).toMatchObject({ ...asked(), selector: { name: 'double', sha256: 'abc' } })
    expect(value.kept).toEqual([passages[1]])
    expect(value.scored).toEqual([
      { id: 'b', rank: 2, score: 3, source: 'retrieved', has_answer: false, gold: null },
      { id: 'generated:nq/12', rank: 3, score: 2, source: 'generated', has_answer: true, gold: null },
      { id: 'a', rank: 1, score: 1, source: 'retrieved', has_answer: true, gold: null },
    ])
    expect(tally).toEqual({ outcome: 'selected' })
  })

  test('hands the selector what it may see of a candidate, and nothing else', async () => {
    const { calls } = await selected([1, 2, 3])
    const allowed = passages.map(({ same_as: _same, twin_of: _twin, not_available: _na, ...choice }) => choice)
    expect(calls).toEqual([{ question: query().question, choices: allowed, signal: never }])
  })

  test('other golds and gold ids change nothing that the selector sees', async () => {
    const one = await selected([1, 2, 3], { answers: ['Danube'], gold_passage_ids: ['a'] })
    const other = await selected([1, 2, 3], { answers: ['Rhine', 'Rhein'], gold_passage_ids: ['b', 'x'] })
    const live = await selected([1, 2, 3], { answers: [], gold_passage_ids: [] })
    expect(other.calls).toEqual(one.calls)
    expect(live.calls).toEqual(one.calls)
    expect(ids(other.value.kept)).toEqual(ids(one.value.kept))
    expect(other.value.scored).not.toEqual(one.value.scored)
  })

  test('ties keep retrieval order, whatever order the candidates came in', async () => {
    const { value } = await selected([5, 5, 5], {}, passages.toReversed(), 2)
    expect(ids(value.kept)).toEqual(['a', 'b'])
    expect(ids(value.scored)).toEqual(['a', 'b', 'generated:nq/12'])
  })

  test('keeps as many as asked for, in selector order, and all where there are fewer', async () => {
    expect(ids((await selected([1, 3, 2], {}, passages, 2)).value.kept)).toEqual(['b', 'generated:nq/12'])
    expect((await selected([1, 3, 2], {}, passages, 9)).value.kept).toHaveLength(3)
  })

  test('a gold passage, its copy and its twin are gold', async () => {
    const flags = async (gold: string) =>
      (await selected([3, 2, 1], { gold_passage_ids: [gold] })).value.scored.map((scored) => scored.gold)
    expect(await flags('a')).toEqual([true, false, true])
    expect(await flags('b2')).toEqual([false, true, false])
  })

  test('of a live query nobody knows which passage holds the answer', async () => {
    const { value } = await selected([1, 2, 3], { answers: [] })
    expect(value.scored.map(({ has_answer, gold }) => [has_answer, gold])).toEqual(Array(3).fill([null, null]))
  })

  test('no candidates: nothing is kept, and the query goes on', async () => {
    const { value } = await selected([], {}, [])
    expect(value).toMatchObject({ kept: [], scored: [] })
  })
})
