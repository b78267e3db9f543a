import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { chosen, chosenJson, chosenText, overlapping, rowsOf, type Choosing } from '../../cli/recall-selected.ts'
import type { Selector } from '../../method/ports.ts'
import type { Query } from '../../schemas/query.ts'
import { candidate } from '../method/candidate.ts'
import { folder } from './command.ts'

const here = folder()
afterAll(here.remove)

const query = (id: string, gold_passage_ids: string[], answers: string[]): Query => ({
  ...{ id, question: id, answers, dataset: 'd', lang: 'en', gold_passage_ids },
})
const found = [
  candidate('a', 1, { text: 'the apple is red' }),
  candidate('a-copy', 2, { text: 'the apple is red' }),
  candidate('b', 3, { text: 'a pear is green' }),
  candidate('c', 4, { text: 'a plum is blue' }),
]
/** Likes what retrieval has last. */
const backwards: Selector = {
  identity: { name: 'backwards', sha256: '' },
  score: async (_, choices) => choices.map(({ rank }) => rank),
}
const alike: Selector = { identity: { name: 'alike', sha256: '' }, score: async (_, choices) => choices.map(() => 0) }
const choosing: Choosing = {
  retriever: { retrieve: async (_, k) => found.slice(0, k) },
  ...{ candidates: 4, selectors: [backwards, alike], signal: new AbortController().signal },
}

const close = (value: number) => expect.closeTo(value, 9) as unknown

describe('what selectors choose of the fused candidates', () => {
  test('is first in the order of their scores, ties in retrieval order, and graded where golds are known', async () => {
    const of = async (asked: Query) => (await chosen(asked, choosing)).firsts.map(({ gold, answer }) => [gold, answer])
    expect(await of(query('q', ['c'], ['red']))).toEqual([[0, 1], [1, 0], [0, 1]]) // prettier-ignore
    expect(await of(query('q', ['a-copy'], []))).toEqual([[1, null], [0, null], [1, null]]) // prettier-ignore
    expect(await of(query('q', [], ['blue']))).toEqual([[null, 0], [null, 1], [null, 0]]) // prettier-ignore
  })

  test('is compared with fused order query by query', async () => {
    const asked = [query('1', ['c'], []), query('2', ['c'], []), query('3', ['a'], []), query('4', [], [])]
    const all = await Promise.all(asked.map((one) => chosen(one, choosing)))
    const rows = rowsOf(all, ['backwards', 'alike'])
    expect(chosenJson(rows)).toMatchObject([
      { name: 'fused order', figure: 'hit@1', micro: { n: 3, mean: close(100 / 3) }, versus_fused: null },
      { name: 'selected by backwards', micro: { mean: close(200 / 3) }, versus_fused: { difference: { mean: close(100 / 3) }, won: 2, lost: 1 } },
      { name: 'selected by alike', micro: { mean: close(100 / 3) }, versus_fused: { difference: { mean: 0 }, won: 0, lost: 0 } },
    ]) // prettier-ignore
    expect(chosenText(rows, 4).join('\n')).toMatch(/first 4 fused.*hit@1, selected by backwards +66\.7/s)
  })
})

test('queries of two files that share an id are two queries', async () => {
  const asked = [query('1', ['c'], []), { ...query('1', ['a'], []), dataset: 'e' }]
  const all = await Promise.all(asked.map((one) => chosen(one, choosing)))
  expect(chosenJson(rowsOf(all, ['backwards', 'alike']))[1]).toMatchObject({
    ...{ micro: { n: 2 }, datasets: { d: { n: 1 }, e: { n: 1 } }, versus_fused: { won: 1, lost: 1 } },
  })
})

describe('queries in common with training', () => {
  test('are those whose line says so; a file that never says it is refused', () => {
    const file = (name: string, lines: object[]) => {
      const path = join(here.path, name)
      writeFileSync(path, lines.map((line) => JSON.stringify(line)).join('\n'))
      return path
    }
    const told = file('a.jsonl', [{ id: 'a', train_overlap: true }, { id: 'b', train_overlap: false }, { id: 'c' }])
    expect(overlapping([told])).toEqual(new Set(['a']))
    expect(() => overlapping([told, file('b.jsonl', [{ id: 'd' }])])).toThrow(/b\.jsonl does not say which queries/)
  })
})
