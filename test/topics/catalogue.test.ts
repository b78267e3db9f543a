import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import * as topics from '../../topics/index.ts'
import { days } from '../../runtime/topic.ts'
import { records } from '../../schemas/index.ts'

const source = readFileSync(new URL('../../topics/catalogue.ts', import.meta.url), 'utf8')
const named = new Map(topics.catalogue.map((topic) => [topic.name, topic]))
const query = { id: 'nq/12', question: 'q', answers: [], dataset: '', lang: 'en', gold_passage_ids: [] }
const asked = { run: 'monday', asked_at: 1, query }
const context = {
  ...asked,
  kept: [],
  scored: [],
  selector: { name: 'retrieval', sha256: '' },
  abstained: false,
  shadow: null,
}

/** What is written about a topic right above it. */
const remark = (name: string) =>
  new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\nexport const ${name} =`).exec(source)?.[1] ?? ''

describe('the catalogue', () => {
  test('lists every topic once, under the name that it is exported by', () => {
    const exported = Object.entries(topics).filter(([, value]) => typeof value === 'object' && 'message' in value)
    expect(exported.map(([name, value]) => [name, (value as { name: string }).name])).toEqual(
      exported.map(([name]) => [name, name]),
    )
    expect([...named.keys()].sort()).toEqual(exported.map(([name]) => name).sort())
    expect(named.size).toBe(topics.catalogue.length)
  })

  test('holds only schemas that are released, and rejects alone has none', () => {
    for (const topic of topics.catalogue) {
      if (topic.name === 'rejects') expect(topic.schema).toBeUndefined()
      else expect(Object.values(records), topic.name).toContain(topic.schema)
    }
  })

  test.each([
    ['queries', topics.queries.message(asked)],
    ['drafts', topics.drafts.message({ ...asked, pseudo_passage: null })],
    ['candidates', topics.candidates.message({ ...asked, passages: [] })],
    ['contexts', topics.contexts.message(context)],
  ])('%s are keyed by run and query, and a slash in the id does no harm', (_name, { key }) => {
    expect(key).toBe('monday/nq/12')
  })

  test('gains, samples, answers and metrics have the same key as the query that they are of', () => {
    const partly = <T>(value: object) => value as T
    expect([
      topics.gains.key(partly(asked)),
      topics.samples.key(partly({ run: 'monday', query })),
      topics.answers.key(partly({ context })),
      topics.metrics.key(partly({ run: 'monday', query_id: 'nq/12' })),
    ]).toEqual(Array(4).fill(topics.queryKey('monday', 'nq/12')))
  })

  test('passages are keyed by their id, control records by what they are about', () => {
    expect(topics.passages.key({ id: 'p1', title: '', text: 't' })).toBe('p1')
    const totals = {
      stream: 's',
      run: 'r',
      stage: 'label',
      partition: 3,
      counts: {},
      sums: {},
      replicates: {},
      updated_at: 0,
      recent: {},
    }
    expect(topics.totals.key(totals)).toBe('s/r/label/3')
    const run = { stream: 's', run: 'r', state: 'open', count: null, opened_at: 0, closed_at: null }
    expect(topics.runs.key({ ...run, topology: 'synthesis', source: '', settings: '', collection: '' })).toBe('s/r')
    const origin = { derived_from: '', derivation: null }
    const stream = { stream: 's', hash: '', settings: '{}', created_at: 0, partitions: 1, ...origin }
    expect(topics.streams.key(stream)).toBe('s')
  })

  test('control topics and totals are compacted, the others keep every record until its time is over', () => {
    expect(topics.controlTopics.every(({ control, compact }) => control && compact)).toBe(true)
    expect(topics.streamTopics.some(({ control }) => control)).toBe(false)
    expect(topics.streamTopics.filter(({ compact }) => compact)).toEqual([topics.totals])
  })

  test('nothing grows without a line that says so', () => {
    const growing = topics.catalogue.filter(({ retention, compact }) => retention === 'forever' && !compact)
    expect(growing.map(({ name }) => name)).toEqual(['passages', 'gains', 'samples', 'metrics', 'rejects'])
    for (const { name } of growing) expect(remark(name), name).toMatch(/Grows\s/)
    for (const { name } of topics.catalogue) expect(remark(name), name).not.toBe('')
  })

  test('drafts and candidates go after a week', () => {
    expect([topics.drafts.retention, topics.candidates.retention]).toEqual([days(7), days(7)])
  })

  test('a dead letter finds room whatever topic its record came from', () => {
    const others = topics.catalogue.filter((topic) => topic !== topics.rejects)
    expect(topics.rejects.maxBytes).toBeGreaterThan(Math.max(...others.map(({ maxBytes }) => maxBytes)))
  })
})
