/** The demo's passages and queries are written by hand, so a slip of the hand must not reach a newcomer's first run. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { readSelector } from '../../adapters/selectors/index.ts'
import { hasAnswer } from '../../method/answer.ts'
import type { Passage } from '../../schemas/passage.ts'
import type { Query } from '../../schemas/query.ts'

const lines = (name: string): unknown[] =>
  readFileSync(new URL(`../../demo/${name}`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)

const passages = lines('passages.jsonl') as Passage[]
const queries = lines('queries.jsonl') as Omit<Query, 'lang'>[]
const datasets = ['single-hop', 'two-hop', 'yes-no', 'unanswerable']

const words = (text: string) => text.split(/\s+/).length
const of = (dataset: string) => queries.filter((query) => query.dataset === dataset)
const repeated = (values: readonly string[]) => values.filter((value, at) => values.indexOf(value) !== at)
const holding = (answers: readonly string[]) =>
  passages.filter(({ title, text }) => hasAnswer(`${title} ${text}`, answers)).map(({ id }) => id)

describe('the passages of the demo', () => {
  test('are about 120, each with fields of its own', () => {
    expect(passages.length).toBeGreaterThanOrEqual(115)
    expect(passages.length).toBeLessThanOrEqual(130)
    for (const passage of passages) expect(Object.keys(passage)).toEqual(['id', 'title', 'text'])
  })

  test('are numbered in order and share no title and no text', () => {
    expect(passages.map(({ id }) => id)).toEqual(passages.map((_, at) => `p${String(at + 1).padStart(3, '0')}`))
    expect(repeated(passages.map(({ title }) => title))).toEqual([])
    expect(repeated(passages.map(({ text }) => text))).toEqual([])
  })

  test('are 50 to 100 words long, on one line, and end a sentence', () => {
    const odd = passages.filter(({ text }) => words(text) < 50 || words(text) > 100 || !/^\S[^\n]*\.$/.test(text))
    expect(odd.map(({ id }) => id)).toEqual([])
  })
})

describe('the queries of the demo', () => {
  test('are 20 to 24 of four kinds, and no id or question comes twice', () => {
    expect(queries.length).toBeGreaterThanOrEqual(20)
    expect(queries.length).toBeLessThanOrEqual(24)
    expect(repeated(queries.map(({ id }) => id))).toEqual([])
    expect(repeated(queries.map(({ question }) => question))).toEqual([])
    expect([...new Set(queries.map(({ dataset }) => dataset))].sort()).toEqual([...datasets].sort())
  })

  test('are questions with short answers', () => {
    for (const { question, answers } of queries) {
      expect(question).toMatch(/^\S.*\?$/)
      expect(answers.length).toBeGreaterThan(0)
      for (const answer of answers) expect(words(answer)).toBeLessThanOrEqual(5)
    }
  })

  test('have one gold passage for one hop or a yes or no, two for two hops, none where nothing answers', () => {
    const golds = { 'single-hop': 1, 'two-hop': 2, 'yes-no': 1, unanswerable: 0 }
    for (const [dataset, count] of Object.entries(golds))
      expect(of(dataset).map(({ gold_passage_ids: ids }) => new Set(ids).size)).toEqual(of(dataset).map(() => count))
  })

  test('name only gold passages that exist', () => {
    const known = new Set(passages.map(({ id }) => id))
    expect(queries.flatMap(({ gold_passage_ids: ids }) => ids).filter((id) => !known.has(id))).toEqual([])
  })

  test('of one hop have an answer in their gold passage', () => {
    for (const query of of('single-hop')) expect(holding(query.answers)).toContain(query.gold_passage_ids[0])
  })

  test('of two hops have an answer in one of their gold passages only, so that both are needed', () => {
    for (const { question, answers, gold_passage_ids: ids } of of('two-hop'))
      expect([question, holding(answers).filter((id) => ids.includes(id)).length]).toEqual([question, 1])
  })

  test('with yes or no for an answer have nothing else', () => {
    for (const { answers } of of('yes-no')) expect(['yes', 'no']).toContain(answers.join())
    expect(new Set(of('yes-no').flatMap(({ answers }) => answers)).size).toBe(2)
  })

  test('that no passage answers find none of their answers in any passage', () => {
    for (const { question, answers } of of('unanswerable'))
      for (const answer of answers) expect([question, answer, holding([answer])]).toEqual([question, answer, []])
  })

  test('do not give their answer away', () => {
    const told = queries.filter(
      ({ question, dataset, answers }) => dataset !== 'yes-no' && hasAnswer(question, answers),
    )
    expect(told.map(({ question }) => question)).toEqual([])
  })
})

test('the selector of the demo is a folder as it should be, of weights that are in use', async () => {
  const { settings } = await readSelector(fileURLToPath(new URL('../../demo/selector', import.meta.url)))
  expect(settings).toMatchObject({ name: 'light-en-1', encoder: null, trained: { groups: 1575 } })
})
