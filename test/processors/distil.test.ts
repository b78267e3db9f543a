import { describe, expect, test } from 'vitest'
import { answering, promptHash } from '../../method/prompt.ts'
import { distil } from '../../processors/index.ts'
import { Rejected } from '../../runtime/errors.ts'
import type { Gain, Gains } from '../../schemas/gains.ts'
import type { Candidate } from '../../schemas/passage.ts'
import { samples } from '../../topics/index.ts'
import { candidate, ids } from '../method/candidate.ts'
import {
  asked,
  attempt,
  cost,
  freeOfCost,
  identity,
  key,
  never,
  query,
  readerSaying,
  server,
  single,
  taken,
  usage,
} from './records.ts'

const gain = (passage_id: string, mean_nll: number | null, plain_mean_nll = mean_nll): Gain => ({
  ...{ passage_id, mean_nll, plain_mean_nll, base_mean_nll: 3, infogain: 0, answer: 'Danube', plain_answer: 'Danube' },
  ...{ tokens: 2, cut: 0, unscored: mean_nll === null ? 'too long' : null },
})

const passages = [
  candidate('a', 1),
  candidate('b', 2, { title: 'River', text: 'It is the Danube.' }),
  candidate('c', 3, { twin_of: 'a' }),
  candidate('d', 4),
]
const measured = [gain('a', 2, 1), gain('b', 1, 2), gain('c', 3), gain('d', null)]

const labelled = (gains: Gain[] = measured, candidates: Candidate[] = passages): Gains => ({
  ...{
    ...asked(),
    passages: candidates,
    gains,
    alpha: 0.5,
    exact: true,
    golds: ['Danube'],
    golds_left_out: 0,
    measure: 'contrastive',
  },
  ...{ scorer: identity, usage, settings: 'hash' },
})

const settings = {
  ...{ filter: 'boundary', measure: 'contrastive', dropTwins: false, passageTokens: 100, answerTokens: 32 },
  prompt: (dataset: string) => (dataset === 'nq' ? { ...answering, system: 'nq only' } : answering),
} as const

/** The sample that comes of it, where the filter's reader says this. */
const distilled = async (said: string, changes: object = {}, value = labelled()) => {
  const { reader, requests } = readerSaying(said)
  const { outputs, tally } = await taken(distil, value, { ...settings, ...changes, reader })
  const { key, value: sample } = single(outputs, samples)
  return { key, sample, tally, requests }
}

describe('distil', () => {
  test('asks the reader to answer with the passage that has the most gain, and no other', async () => {
    const { requests } = await distilled('the Danube')
    const request = { question: query().question, passages: [passages[1]], template: settings.prompt('nq') }
    expect(requests).toEqual([
      { request: { ...request, passageTokens: 100, maxTokens: 32 }, signal: never, hint: attempt },
    ])
  })

  test('keeps a query that the reader can answer: the positive first, then by rank, with teacher scores', async () => {
    const { key: given, sample, tally } = await distilled('the Danube')
    expect(given).toBe(key)
    expect(sample).toMatchObject({ run: 'monday', query: query(), outcome: 'kept', reason: '', measure: 'contrastive' })
    expect(sample).toMatchObject({ alpha: 0.5, scorer: identity, settings: 'hash', usage })
    expect(sample.filter_prediction).toBe('the Danube')
    expect(sample.filter_reader).toEqual({ ...identity, prompt: promptHash(settings.prompt('nq')) })
    expect(ids(sample.passages)).toEqual(['b', 'a', 'c'])
    const [positive, second] = sample.passages
    expect(positive).toMatchObject({
      title: 'River',
      text: 'It is the Danube.',
      rank: 2,
      mean_nll: 1,
      has_answer: true,
    })
    expect(positive!.score).toBeCloseTo(-Math.log(Math.E + 1), 12)
    expect(second).toMatchObject({ id: 'a', has_answer: false, twin_of: null })
    expect(tally).toEqual({ outcome: 'kept', reason: undefined, sums: cost })
  })

  test('by plain perplexity another passage is the positive, and the filter still asks with the best contrastive', async () => {
    const { sample, requests } = await distilled('the Danube', { measure: 'plain' })
    expect(sample.measure).toBe('plain')
    expect(ids(sample.passages)[0]).toBe('a')
    expect(requests).toMatchObject([{ request: { passages: [{ id: 'b' }] } }])
  })

  test('of gains without contrast groups by the plain figures, and the filter asks with the best of them', async () => {
    const plain = measured.map((each) => ({ ...each, mean_nll: null }))
    const value = { ...labelled(plain), measure: 'plain', alpha: 0 }
    const { sample, requests } = await distilled('the Danube', { measure: 'plain' }, value)
    expect(sample).toMatchObject({ measure: 'plain', outcome: 'kept' })
    expect(ids(sample.passages)).toEqual(['a', 'b', 'c'])
    expect(sample.passages[0]!.mean_nll).toBe(1)
    expect(requests).toMatchObject([{ request: { passages: [{ id: 'a' }] } }])
  })

  test('cannot group gains without contrast by the contrast: rejected with what to do', async () => {
    const value = { ...labelled(), measure: 'plain', alpha: 0 }
    await expect(distilled('the Danube', {}, value)).rejects.toThrow(
      new Rejected('query nq/12 was measured without contrast: replay it with distil.measure=plain'),
    )
  })

  test('names the server that answered for the filter, where the reader is several', async () => {
    const { reader } = readerSaying('the Danube', { identity: server })
    const { outputs } = await taken(distil, labelled(), { ...settings, reader })
    const hash = promptHash(settings.prompt('nq'))
    expect(single(outputs, samples).value.filter_reader).toEqual({ ...server, prompt: hash })
  })

  test('drops a query that the reader cannot answer, as a record with the reason, its group and its cost', async () => {
    const { key: given, sample, tally } = await distilled('the Rhine')
    const reason = 'not answered with the best passage'
    expect(given).toBe(key)
    expect(sample).toMatchObject({ outcome: 'filtered', reason, filter_prediction: 'the Rhine', usage })
    expect(sample.passages).toHaveLength(3)
    expect(tally).toEqual({ outcome: 'filtered', reason, sums: cost })
  })

  test.each([
    ['boundary', 'filtered'],
    ['containment', 'kept'],
  ])('the %s rule: a gold inside a longer word is %s', async (filter, outcome) => {
    const { sample } = await distilled('Danubeland', { filter })
    expect(sample.outcome).toBe(outcome)
  })

  test('with the filter off nobody is asked and every group is kept', async () => {
    const { sample, tally, requests } = await distilled('never said', { filter: 'off' })
    expect(requests).toEqual([])
    expect(sample).toMatchObject({ outcome: 'kept', filter_prediction: null, filter_reader: null })
    expect(tally).toEqual({ outcome: 'kept', reason: undefined, sums: freeOfCost })
  })

  test('near-copies leave the group where a setting says so', async () => {
    const { sample } = await distilled('the Danube', { dropTwins: true })
    expect(ids(sample.passages)).toEqual(['b', 'a'])
  })

  test('a group of near-copies only is filtered with the reason, and nobody is asked', async () => {
    const [a, , c] = passages as [Candidate, Candidate, Candidate]
    const value = labelled([gain('a', 1), gain('c', 2)], [a, c])
    const { sample, tally, requests } = await distilled('the Danube', { dropTwins: true }, value)
    const reason = 'fewer than two candidates that are not near-copies'
    expect(requests).toEqual([])
    expect(sample).toMatchObject({ outcome: 'filtered', reason, passages: [], filter_prediction: null })
    expect(tally).toEqual({ outcome: 'filtered', reason, sums: freeOfCost })
  })

  test('gains of one passage, from an older labeller, are filtered and never a group of one', async () => {
    const value = labelled([gain('a', 1), gain('b', null)], passages.slice(0, 2))
    const { sample } = await distilled('the Danube', {}, value)
    expect(sample).toMatchObject({ outcome: 'filtered', reason: 'fewer than two scored candidates', passages: [] })
  })
})
