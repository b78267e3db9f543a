import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStore } from '../../adapters/store/index.ts'
import { readConfig } from '../../cli/config.ts'
import { asJson, asText, missing, missingLine, type Report } from '../../cli/recall-report.ts'
import { absentGolds, queriesOf, queryFiles, recall, type Searching } from '../../cli/recall.ts'
import { fuse } from '../../method/fusion.ts'
import type { Embedder, PassageStore } from '../../method/ports.ts'
import { folder, run } from './command.ts'

const here = folder()
afterAll(here.remove)
const { signal } = new AbortController()

const identity = { model: 'two', revision: '1', dimension: 2, pooling: 'mean', normalised: true } as const
const passage = (id: string, text: string, ...vector: number[]) => ({
  passage: { id, title: '', text },
  vector: Float32Array.from(vector),
})

/** By meaning each question finds what its vector says; see the figures below. */
const vectors: Readonly<Record<string, readonly number[]>> = {
  'apple colour': [0, 1], // plum, pear, apple
  plum: [1, 0], // apple, pear, plum
  quince: [0.8, 0.6], // pear, apple, plum
  nothing: [0, 1], // plum, pear, apple
}
const lines = [
  { id: 'q1', dataset: 'fruit', question: 'apple colour', answers: ['red'], gold_passage_ids: ['apple'] },
  { id: 'q2', dataset: 'fruit', question: 'plum', answers: ['green'], gold_passage_ids: ['plum', 'apple-pie'] },
  { id: 'q3', question: 'quince', gold_passage_ids: ['quince'] },
  { id: 'q4', question: 'nothing', answers: ['blue'] },
]

let store: PassageStore
const embedded: string[] = []
const embedder: Embedder = {
  identity,
  embed: async (texts) => {
    embedded.push(...texts)
    return texts.map((text) => Float32Array.from(vectors[text] ?? []))
  },
  close: async () => {},
}
const file = (name: string, rows: readonly object[]) => {
  const path = join(here.path, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  return path
}
const reading = { dataset: 'other', signal, onIgnored: () => {} }

const measured = async (): Promise<Report> => {
  const queries = await queriesOf([file('fruit/a.eval.jsonl', lines)], reading)
  const searching: Searching = {
    ...{ embedder, search: store, depth: 100, deepest: 3, signal },
    fuse: (dense, sparse, limit) => fuse(dense, sparse, { limit }),
  }
  const all = await recall(queries, searching, () => {})
  const absent = await absentGolds(queries, searching)
  return { all, ks: [1, 2, 3], collection: 'fruit', passages: await store.count(), absent }
}

beforeAll(async () => {
  store = await openStore({ path: join(here.path, 'store.sqlite'), encoder: identity })
  const rows = [
    passage('apple', 'the apple is red', 1, 0),
    passage('pear', 'a pear is green', 0.8, 0.6),
    passage('plum', 'the plum is blue', 0, 1),
  ]
  await store.upsert(rows, signal)
})
afterAll(() => store.close())

describe('recall', () => {
  test('finds the places that one counts by hand, by meaning, by words and fused', async () => {
    const { all } = await measured()
    expect(all.map(({ query, places: { dense, sparse, fused } }) => [query.id, dense, sparse, fused])).toEqual([
      // The words of q1 are those of the apple: in the fused ranking its two places (3 and 1) beat a single one.
      ['q1', { gold: 3, answer: 3 }, { gold: 1, answer: 1 }, { gold: 1, answer: 1 }],
      // Green is only the pear, which no word of q2 finds: plum, apple, pear in the fused ranking.
      ['q2', { gold: 3, answer: 2 }, { gold: 1, answer: null }, { gold: 1, answer: 3 }],
      ['q3', { gold: null, answer: null }, { gold: null, answer: null }, { gold: null, answer: null }],
      ['q4', { gold: null, answer: 1 }, { gold: null, answer: null }, { gold: null, answer: 1 }],
    ])
  })

  test('embeds each question once for all rankings', async () => {
    embedded.length = 0
    await measured()
    expect(embedded.toSorted()).toEqual(Object.keys(vectors).toSorted())
  })

  test('gives the figures of datasets, their mean and the mean of all queries, ×100', async () => {
    const result = asJson(await measured()) as unknown as Record<string, Record<string, unknown>>
    const means = (scope: unknown) =>
      Object.fromEntries(
        Object.entries(scope as Record<string, Record<string, { mean: number }>>).map(([ranking, at]) => [
          ranking,
          Object.values(at).map(({ mean }) => Math.round(mean * 10) / 10),
        ]),
      )
    const of = (name: string) => {
      const { macro, micro, datasets } = result[name]!
      const own = Object.entries(datasets as object).map(([dataset, scope]) => [dataset, means(scope)])
      return { ...(Object.fromEntries(own) as object), macro: means(macro), micro: means(micro) }
    }
    expect(of('gold_recall')).toEqual({
      fruit: { dense: [0, 0, 100], sparse: [100, 100, 100], fused: [100, 100, 100] },
      other: { dense: [0, 0, 0], sparse: [0, 0, 0], fused: [0, 0, 0] },
      macro: { dense: [0, 0, 50], sparse: [50, 50, 50], fused: [50, 50, 50] },
      micro: { dense: [0, 0, 66.7], sparse: [66.7, 66.7, 66.7], fused: [66.7, 66.7, 66.7] },
    })
    expect(of('has_answer')).toEqual({
      fruit: { dense: [0, 50, 100], sparse: [50, 50, 50], fused: [50, 50, 100] },
      other: { dense: [100, 100, 100], sparse: [0, 0, 0], fused: [100, 100, 100] },
      macro: { dense: [50, 75, 100], sparse: [25, 25, 25], fused: [75, 75, 100] },
      micro: { dense: [33.3, 66.7, 100], sparse: [33.3, 33.3, 33.3], fused: [66.7, 66.7, 100] },
    })
    expect(result).toMatchObject({
      missing: { beyond: 3, queries: { dense: 1, sparse: 1, fused: 1, by_all: 1 } },
      absent_golds: { golds: 4, absent: 2 },
      gold_recall: { micro: { dense: { 3: { n: 3, interval: [0, 100] } } } },
    })
  })

  test('names the queries that a ranking missed, with the golds that are nowhere', async () => {
    const { all, absent } = await measured()
    expect(missing(all).map((one) => JSON.parse(missingLine(one, absent?.absent)) as unknown)).toEqual([
      {
        ...{ id: 'q3', dataset: 'other', question: 'quince', gold_passage_ids: ['quince'], absent: ['quince'] },
        ...{ dense: null, sparse: null, fused: null },
      },
    ])
  })

  test('shows people tables of at most 100 columns', async () => {
    const text = asText(await measured())
    expect(text).toMatch(/^ {2}dense {2,}0\.0 \[0\.0, 0\.0\] +0\.0 \[0\.0, 0\.0\] +100\.0 \[100\.0, 100\.0\]$/m)
    expect(text).toContain('gold passages that are not in the collection: 2 of 4')
    const ks = [1, 2, 3, 5, 20, 100]
    const wide = asText({ ...(await measured()), ks })
    for (const line of wide.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
    expect(wide).toMatch(/^ +@20 +@100$/m)
  })

  test('says so where the store cannot say which golds it holds', async () => {
    const mute = { ...store }
    delete mute.holds
    const absent = await absentGolds(await queriesOf([file('b.jsonl', lines)], reading), { search: mute, signal })
    expect(absent).toBeUndefined()
    expect(asText({ ...(await measured()), absent })).toContain('this store cannot say which gold passages')
  })
})

describe('gainstream recall', () => {
  const refused = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(['recall', ...args], { cwd: here.path })
    expect([code, stdout]).toEqual([1, ''])
    return stderr
  }

  test('takes all evaluation files of a folder, in order, and refuses one without any', () => {
    for (const name of ['z.eval.jsonl', 'b.eval.jsonl', 'c.train.jsonl']) file(`some/${name}`, lines)
    const some = join(here.path, 'some')
    expect(queryFiles([some, 'x'])).toEqual([join(some, 'b.eval.jsonl'), join(some, 'z.eval.jsonl'), 'x'])
    mkdirSync(join(here.path, 'bare'))
    expect(() => queryFiles([join(here.path, 'bare')])).toThrow(/bare holds no file \*\.eval\.jsonl: name the files/)
  })

  test('says that there is nothing to grade by where no query has golds', async () => {
    const path = file('live.jsonl', [{ id: 'q', question: 'Who?' }])
    expect(await refused(path)).toBe(
      `gainstream: ${path}: no query has gold_passage_ids or answers, so there is nothing to grade a search by\n`,
    )
  })

  test('says how passages come in where there are none, and leaves nothing behind', async () => {
    const path = file('good.jsonl', lines)
    expect(await refused(path, '--data', 'nowhere')).toMatch(
      /there is no passage to search in .*nowhere yet: gainstream index <corpus> first\n$/,
    )
  })
})

test('an index that the embedded store lacks is refused, with those that it has', () => {
  const of = (index: string) => readConfig({ env: {}, set: [`store.index=${index}`] }).store.index
  expect(['auto', 'flat', 'hnsw'].map(of)).toEqual(['auto', 'flat', 'hnsw'])
  expect(() => of('diskann')).toThrow(
    /store\.index is "diskann" and must be auto, flat or hnsw where the store is embedded: diskann needs store\.engine: milvus/,
  )
})
