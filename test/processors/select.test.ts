import { describe, expect, test } from 'vitest'
import type { Choice, Selector } from '../../method/ports.ts'
import { select } from '../../processors/index.ts'
import type { Candidate } from '../../schemas/passage.ts'
import type { Query } from '../../schemas/query.ts'
import { contexts } from '../../topics/index.ts'
import { candidate, ids } from '../method/candidate.ts'
import { asked, candidatesOf, key, never, query, single, taken } from './records.ts'

/** A selector that gives these scores, and everything that it was handed. */
const giving = (scores: number[], more: Partial<Selector> = {}) => {
  const calls: { question: string; choices: readonly Choice[]; signal: AbortSignal }[] = []
  const selector: Selector = {
    identity: { name: 'double', sha256: 'abc' },
    ...more,
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
  const { selector, calls } = giving(scores)
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
    expect(tally).toEqual({ outcome: 'selected', sums: { abstained: 0, shadowed: 0 } })
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

  test('what is in force is let go when the record is done with it, also where it fails', async () => {
    const released: string[] = []
    const { selector } = giving([1, 3, 2])
    const of = (name: string, used: Selector) => ({
      inForce: () => ({ selector: used, release: () => void released.push(name) }),
      ...{ keep: 1, abstain: false },
    })
    await taken(select, candidatesOf(passages), of('chose', selector))
    const failing = { ...selector, score: () => Promise.reject(new Error('gone')) }
    await expect(taken(select, candidatesOf(passages), of('failed', failing))).rejects.toThrow('gone')
    expect(released).toEqual(['chose', 'failed'])
  })

  test('no candidates: nothing is kept, and the query goes on', async () => {
    const { value } = await selected([], {}, [])
    expect(value).toMatchObject({ kept: [], scored: [] })
  })
})

describe('select with abstention', () => {
  const chosen = async (minScore: number | undefined, abstain: boolean, scores = [1, 3, 2], found = passages) => {
    const { selector } = giving(scores, { minScore })
    const { outputs, tally } = await taken(select, candidatesOf(found), {
      inForce: () => ({ selector }),
      keep: 2,
      abstain,
    })
    const { abstained, kept, scored } = single(outputs, contexts).value
    return { abstained, kept: ids(kept), scored: ids(scored), counted: tally?.sums?.abstained }
  }
  const all = ['b', 'generated:nq/12', 'a']
  const kept = { abstained: false, kept: all.slice(0, 2), scored: all, counted: 0 }

  test('a best score below what was fitted keeps nothing, and the scores are there to be seen', async () => {
    expect(await chosen(3.1, true)).toEqual({ abstained: true, kept: [], scored: all, counted: 1 })
  })

  test('a best score that is just enough keeps as many as ever', async () => {
    expect(await chosen(3, true)).toEqual(kept)
  })

  test('where abstention is off, or was not fitted, no score is too low', async () => {
    expect(await chosen(3.1, false)).toEqual(kept)
    expect(await chosen(undefined, true)).toEqual(kept)
  })

  test('a query without candidates is not one that the selector abstained from', async () => {
    expect(await chosen(3.1, true, [], [])).toEqual({ abstained: false, kept: [], scored: [], counted: 0 })
  })
})

describe('select beside a selector that is only watched', () => {
  const other = { name: 'challenger', sha256: 'def' }
  const watching = async (
    scores: number[],
    share: number,
    more: Partial<Query> = {},
    theirs: Partial<Selector> = {},
  ) => {
    const { selector } = giving([1, 3, 2])
    const shadow = giving(scores, { identity: other, ...theirs })
    const inForce = () => ({ selector, shadow: { selector: { ...shadow.selector, ...theirs }, share } })
    const { outputs, tally } = await taken(select, candidatesOf(passages, more), { inForce, keep: 1, abstain: true })
    return { ...single(outputs, contexts), tally, calls: shadow.calls }
  }

  test('its choice and scores are recorded in the order of the other scores, and the answer stays', async () => {
    const alone = await selected([1, 3, 2])
    const { value, tally, calls } = await watching([0.5, 0.7, 0.9], 1) // of b, the pseudo-passage and a
    expect(calls[0]!.choices.map(({ id }) => id)).toEqual(ids(value.scored))
    expect(value).toEqual({ ...alone.value, shadow: { selector: other, chosen: 'a', scores: [0.5, 0.7, 0.9] } })
    expect(tally?.sums).toEqual({ abstained: 0, shadowed: 1 })
  })

  test('it sees of a candidate what the selector in force sees, and no golds', async () => {
    const { calls } = await watching([1, 2, 3], 1, { answers: ['Rhine'], gold_passage_ids: ['b'] })
    const allowed = passages.map(({ same_as: _same, twin_of: _twin, not_available: _na, ...choice }) => choice)
    expect(calls[0]!.choices).toEqual([allowed[1], allowed[2], allowed[0]])
  })

  test('where it would have abstained it chose nothing', async () => {
    const { value } = await watching([1, 2, 3], 1, {}, { minScore: 4 })
    expect(value.shadow).toEqual({ selector: other, chosen: null, scores: [1, 2, 3] })
    expect(value.abstained).toBe(false)
  })

  test('its failure costs the record its figures and not the answer', async () => {
    const score = () => Promise.reject(new Error('the model is gone'))
    const { value, tally } = await watching([], 1, {}, { score })
    expect(value).toEqual((await selected([1, 3, 2])).value)
    expect(tally?.sums).toEqual({ abstained: 0, shadowed: 0 })
  })

  test('it scores the share of queries that was asked for: always the same ones, and more of a larger share', async () => {
    const names = Array.from({ length: 400 }, (_, i) => `nq/${i}`)
    const scored = async (share: number) => {
      const seen = await Promise.all(names.map(async (id) => (await watching([1, 2, 3], share, { id })).value.shadow))
      return names.filter((_, i) => seen[i] !== null)
    }
    const [tenth, again, half] = [await scored(0.1), await scored(0.1), await scored(0.5)]
    expect(again).toEqual(tenth)
    expect(tenth.length).toBeGreaterThan(20) // 40 expected, standard deviation 6
    expect(tenth.length).toBeLessThan(60)
    expect(half).toEqual(expect.arrayContaining(tenth))
    expect(await scored(0)).toEqual([])
    expect(await scored(1)).toEqual(names)
  })
})
