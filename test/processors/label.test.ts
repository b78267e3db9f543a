import { describe, expect, test } from 'vitest'
import type { PassageScore, ScoreRequest } from '../../method/ports.ts'
import { answering, promptHash } from '../../method/prompt.ts'
import { label } from '../../processors/index.ts'
import { Rejected } from '../../runtime/errors.ts'
import type { Query } from '../../schemas/query.ts'
import { gains } from '../../topics/index.ts'
import { candidate } from '../method/candidate.ts'
import {
  attempt,
  asked,
  candidatesOf,
  cost,
  identity,
  key,
  never,
  scorerOf,
  server,
  single,
  taken,
  usage,
} from './records.ts'

const passages = [candidate('a', 1), candidate('b', 2), candidate('c', 3)]
const own = { ...answering, system: 'nq only' }
const settings = {
  alpha: 0.5,
  prompt: (dataset: string) => (dataset === 'nq' ? own : answering),
  passageTokens: 100,
  maxGolds: 8,
  exactGolds: false,
  settings: 'hash',
}

/** Passage i and gold g: each token costs i + g/10 nats more than one; the contrast twice that. */
const scoresOf = ({ answers, passages }: ScoreRequest) => ({
  base: answers.map(() => [-6]),
  passages: passages.map((_, i): PassageScore => {
    if (i === 2) return { unscored: 'too long' }
    const nll = (g: number) => 1 + i + g / 10
    return { cut: i, answers: answers.map((_, g) => ({ plain: [-nll(g)], contrast: [[-2 * nll(g)]] })) }
  }),
})

const labelled = async (more: Partial<Query> = {}, changes: Partial<typeof settings> = {}) => {
  const { scorer, requests } = scorerOf(scoresOf)
  const { outputs, tally } = await taken(label, candidatesOf(passages, more), { ...settings, ...changes, scorer })
  return { ...single(outputs, gains), requests, tally }
}

describe('label', () => {
  test('scores all candidates of a query in one request, under the prompt of its dataset', async () => {
    const { requests } = await labelled()
    const request = { question: asked().query.question, answers: ['Danube'], passages, template: own, alphas: [0.5] }
    expect(requests).toEqual([{ request: { ...request, passageTokens: 100 }, signal: never, hint: attempt }])
  })

  test('leaves the gains in the order of the candidates, with what they were measured under', async () => {
    const { key: given, value, tally } = await labelled()
    expect(given).toBe(key)
    expect(value).toMatchObject({ ...candidatesOf(passages), alpha: 0.5, exact: true, golds: ['Danube'], usage })
    expect(value).toMatchObject({ golds_left_out: 0, settings: 'hash', measure: 'contrastive' })
    expect(value.scorer).toEqual({ ...identity, prompt: promptHash(own) })
    expect(value.gains).toEqual([
      {
        passage_id: 'a',
        ...{ mean_nll: 2, plain_mean_nll: 1, base_mean_nll: 6, infogain: 5 },
        ...{ answer: 'Danube', plain_answer: 'Danube', tokens: 1, cut: 0, unscored: null },
      },
      {
        passage_id: 'b',
        ...{ mean_nll: 4, plain_mean_nll: 2, base_mean_nll: 6, infogain: 4 },
        ...{ answer: 'Danube', plain_answer: 'Danube', tokens: 1, cut: 1, unscored: null },
      },
      {
        passage_id: 'c',
        ...{ mean_nll: null, plain_mean_nll: null, base_mean_nll: null, infogain: null },
        ...{ answer: null, plain_answer: null, tokens: null, cut: 0, unscored: 'too long' },
      },
    ])
    const quality = { generated_won: 0, flat: 0, nothing_gained: 0, contrast_changed: 0 }
    expect(tally).toEqual({ outcome: 'labelled', sums: { ...cost, passages: 3, unscored: 1, ...quality } })
  })

  test('by the plain measure asks for no contrast, and ranks by what is there', async () => {
    const { scorer, requests } = scorerOf((request) => {
      const { base, passages } = scoresOf(request)
      const plain = passages.map((passage) =>
        'unscored' in passage
          ? passage
          : { ...passage, answers: passage.answers.map(({ plain }) => ({ plain, contrast: [] })) },
      )
      return { base, passages: plain }
    })
    const ports = { ...settings, scorer, measure: 'plain' } as const
    const { outputs } = await taken(label, candidatesOf(passages, { answers: ['Donau', 'Danube'] }), ports)
    expect(requests[0]!.request.alphas).toEqual([])
    const { value } = single(outputs, gains)
    expect(value).toMatchObject({ measure: 'plain', alpha: 0, exact: true })
    expect(value.gains[1]).toEqual({
      passage_id: 'b',
      ...{ mean_nll: null, plain_mean_nll: 2, base_mean_nll: 6, infogain: 4 },
      ...{ answer: 'Donau', plain_answer: 'Donau', tokens: 1, cut: 1, unscored: null },
    })
  })

  test('names the server that measured, where the scorer is several', async () => {
    const { scorer } = scorerOf((request) => ({ ...scoresOf(request), identity: server }))
    const { outputs } = await taken(label, candidatesOf(passages), { ...settings, scorer })
    expect(single(outputs, gains).value.scorer).toEqual({ ...server, prompt: promptHash(own) })
  })

  test('a scorer that is not exact says so in the record', async () => {
    const { scorer } = scorerOf(scoresOf, false)
    const { outputs } = await taken(label, candidatesOf(passages), { ...settings, scorer })
    expect(single(outputs, gains).value.exact).toBe(false)
  })

  test('golds that normalise alike are scored once, in the spelling that came first', async () => {
    const { requests, value } = await labelled({ answers: ['the Danube', 'DANUBE', 'Donau', 'Danube!'] })
    expect(requests[0]!.request.answers).toEqual(['the Danube', 'Donau'])
    expect(value).toMatchObject({ golds: ['the Danube', 'Donau'], golds_left_out: 0 })
    expect(value.query.answers).toHaveLength(4)
  })

  test('with exact golds every spelling is scored', async () => {
    const { value } = await labelled({ answers: ['Danube', 'DANUBE', 'Danube'] }, { exactGolds: true })
    expect(value.golds).toEqual(['Danube', 'DANUBE'])
  })

  test('more golds than allowed are counted, not scored', async () => {
    const answers = Array.from({ length: 30 }, (_, n) => `gold ${n}`)
    const { requests, value } = await labelled({ answers })
    expect(requests[0]!.request.answers).toEqual(answers.slice(0, 8))
    expect(value.golds_left_out).toBe(22)
  })

  test.each([[[]], [['', ' \t']]])(
    'a query whose golds are %j is rejected before anything is scored',
    async (answers) => {
      const { scorer, requests } = scorerOf(scoresOf)
      const stepped = taken(label, candidatesOf(passages, { answers }), { ...settings, scorer })
      await expect(stepped).rejects.toThrow(new Rejected('query nq/12 has no gold answer'))
      expect(requests).toEqual([])
    },
  )

  test.each([
    ['one candidate', passages.slice(0, 1)],
    ['no candidate', []],
  ])('%s cannot be compared: rejected with the reason', async (_what, few) => {
    const { scorer } = scorerOf(scoresOf)
    await expect(taken(label, candidatesOf(few), { ...settings, scorer })).rejects.toThrow(
      new Rejected('query nq/12: fewer than two scored candidates'),
    )
  })

  test('figures that are not finite are no gain: their passage is unscored, never NaN', async () => {
    const { scorer } = scorerOf((request) => {
      const { base, passages } = scoresOf(request)
      return { base, passages: [...passages.slice(0, 2), { cut: 7, answers: [{ plain: [NaN], contrast: [[-1]] }] }] }
    })
    const { outputs } = await taken(label, candidatesOf(passages), { ...settings, scorer })
    const [, , broken] = single(outputs, gains).value.gains
    expect(broken).toMatchObject({ passage_id: 'c', mean_nll: null, infogain: null, cut: 7 })
    expect(broken!.unscored).toMatch(/finite/)
  })

  test('one scored candidate beside others that are not: rejected with the reason', async () => {
    const { scorer } = scorerOf(({ answers, passages }) => ({
      base: answers.map(() => [-1]),
      passages: passages.map((_, i) =>
        i === 0 ? { cut: 0, answers: [{ plain: [-1], contrast: [[-1]] }] } : { unscored: 'too long' },
      ),
    }))
    await expect(taken(label, candidatesOf(passages), { ...settings, scorer })).rejects.toThrow(
      new Rejected('query nq/12: fewer than two scored candidates'),
    )
  })

  test('all candidates unscored: rejected with the reason', async () => {
    const { scorer } = scorerOf((request) => ({
      base: request.answers.map(() => [-1]),
      passages: request.passages.map(() => ({ unscored: 'too long' })),
    }))
    await expect(taken(label, candidatesOf(passages), { ...settings, scorer })).rejects.toThrow(Rejected)
  })
})
