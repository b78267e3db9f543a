import { describe, expect, test } from 'vitest'
import type { Retriever } from '../../method/ports.ts'
import { retrieve } from '../../processors/index.ts'
import type { Draft } from '../../schemas/draft.ts'
import type { Candidate } from '../../schemas/passage.ts'
import { candidates } from '../../topics/index.ts'
import { candidate, ids } from '../method/candidate.ts'
import { asked, identity, key, never, single, taken, usage } from './records.ts'

const finding = (found: Candidate[]) => {
  const calls: unknown[] = []
  const retriever: Retriever = {
    async retrieve(question, k, signal) {
      calls.push({ question, k, signal })
      return found
    },
  }
  return { calls, ports: { retriever, k: 3, notAvailable: 'drop' as const } }
}

const draft = (text?: string, not_available = false): Draft => ({
  ...asked(),
  pseudo_passage: text === undefined ? null : { text, not_available, reader: identity, usage },
})

const three = [candidate('a', 1), candidate('b', 2), candidate('c', 3)]

describe('retrieve', () => {
  test('asks for k passages near the question, and puts the pseudo-passage behind them', async () => {
    const { calls, ports } = finding(three)
    const { outputs, tally } = await taken(retrieve, draft('The Danube.'), ports)
    expect(calls).toEqual([{ question: asked().query.question, k: 3, signal: never }])
    const { key: given, value } = single(outputs, candidates)
    expect(given).toBe(key)
    expect(value).toMatchObject(asked())
    expect(value.passages.slice(0, 3)).toEqual(three)
    expect(value.passages[3]).toEqual(
      candidate('generated:nq/12', 4, { source: 'generated', text: 'The Danube.', title: '' }),
    )
    expect(tally).toEqual({ outcome: 'retrieved', sums: { candidates: 4 } })
  })

  test('an empty store and no pseudo-passage make no candidates, and no failure', async () => {
    const { outputs, tally } = await taken(retrieve, draft(), finding([]).ports)
    expect(single(outputs, candidates).value.passages).toEqual([])
    expect(tally).toEqual({ outcome: 'retrieved', sums: { candidates: 0 } })
  })

  test('equal passages are one with the best rank, and the ids of the others stand with it', async () => {
    const found = [candidate('a', 1, { text: 'The Danube.' }), candidate('b', 2, { text: 'danube' }), candidate('c', 3)]
    const { outputs } = await taken(retrieve, draft('A Danube'), finding(found).ports)
    const { passages } = single(outputs, candidates).value
    expect(passages.map(({ id, rank, same_as }) => ({ id, rank, same_as }))).toEqual([
      { id: 'a', rank: 1, same_as: ['b', 'generated:nq/12'] },
      { id: 'c', rank: 3, same_as: [] },
    ])
  })

  test('a near-copy stays and names its original', async () => {
    const text = 'one two three four five six seven eight nine ten eleven twelve thirteen'
    const found = [candidate('a', 1, { text }), candidate('b', 2, { text: `${text} fourteen` })]
    const { outputs } = await taken(retrieve, draft(), finding(found).ports)
    expect(single(outputs, candidates).value.passages.map(({ twin_of }) => twin_of)).toEqual([null, 'a'])
  })

  test.each([
    ['drop', ['a', 'b', 'c']],
    ['keep', ['a', 'b', 'c', 'generated:nq/12']],
  ] as const)('a pseudo-passage that says N/A: %s', async (notAvailable, expected) => {
    const { outputs } = await taken(retrieve, draft('N/A', true), { ...finding(three).ports, notAvailable })
    const { passages } = single(outputs, candidates).value
    expect(ids(passages)).toEqual(expected)
    expect(passages.filter(({ not_available }) => not_available).length).toBe(notAvailable === 'keep' ? 1 : 0)
  })

  test('a retriever that finds more than k is cut to k', async () => {
    const { outputs } = await taken(retrieve, draft(), finding([...three, candidate('d', 4)]).ports)
    expect(ids(single(outputs, candidates).value.passages)).toEqual(['a', 'b', 'c'])
  })
})
