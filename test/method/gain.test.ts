import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bestBy,
  gainsOf,
  measureOf,
  nothingGains,
  tooFewScored,
  type AnswerScore,
  type Scores,
} from '../../method/index.ts'
import type { Gain } from '../../schemas/gains.ts'

const usage = { calls: 1, prompt_tokens: 0, output_tokens: 0, cache_hits: 0, seconds: 0 }

const answer = (plain: number[], ...contrast: number[][]): AnswerScore => ({ plain, contrast })

const scores: Scores = {
  base: [[-4], [-1, -3]],
  passages: [
    { cut: 0, answers: [answer([-2], [-1], [-9]), answer([-1, -1], [-2, -4], [-5, -5])] },
    { unscored: 'the passage does not fit' },
    { cut: 7, answers: [answer([-3], [-5], [-3]), answer([-4, -4], [-1, -2], [-4, -4])] },
  ],
  usage,
}
const passages = [{ id: 'a' }, { id: 'b' }, { id: 'c' }]
const golds = ['Oslo', 'Christiania']

describe('a gain', () => {
  test('is the minimum over the golds per measure; base, infogain and tokens follow the contrastive winner', () => {
    expect(gainsOf(scores, golds, passages)).toEqual([
      {
        passage_id: 'a',
        mean_nll: 1,
        plain_mean_nll: 1,
        base_mean_nll: 4,
        infogain: 2,
        answer: 'Oslo',
        plain_answer: 'Christiania',
        tokens: 1,
        cut: 0,
        unscored: null,
      },
      expect.objectContaining({ passage_id: 'b', mean_nll: null, answer: null, unscored: 'the passage does not fit' }),
      expect.objectContaining({
        passage_id: 'c',
        mean_nll: 1.5,
        plain_mean_nll: 3,
        base_mean_nll: 2,
        infogain: -2,
        answer: 'Christiania',
        plain_answer: 'Oslo',
        tokens: 2,
        cut: 7,
      }),
    ])
  })

  test('is taken from the figures of the α that is asked for', () => {
    expect(gainsOf(scores, golds, passages, 1).map(({ mean_nll, answer }) => [mean_nll, answer])).toEqual([
      [5, 'Christiania'],
      [null, null],
      [3, 'Oslo'],
    ])
  })

  test('without contrast is that of the gold with the least plain perplexity, whatever else the scorer sent', () => {
    expect(gainsOf(scores, golds, passages, 'plain')).toEqual([
      {
        passage_id: 'a',
        ...{ mean_nll: null, plain_mean_nll: 1, base_mean_nll: 2, infogain: 1 },
        ...{ answer: 'Christiania', plain_answer: 'Christiania', tokens: 2, cut: 0, unscored: null },
      },
      expect.objectContaining({ passage_id: 'b', plain_mean_nll: null, unscored: 'the passage does not fit' }),
      expect.objectContaining({ passage_id: 'c', mean_nll: null, plain_mean_nll: 3, answer: 'Oslo', infogain: 1 }),
    ])
    const bare = { ...scores, passages: [{ cut: 0, answers: [answer([-1])] }] }
    expect(gainsOf(bare, golds, [{ id: 'a' }], 'plain')[0]).toMatchObject({ plain_mean_nll: 1, unscored: null })
    const broken = { ...scores, passages: [{ cut: 0, answers: [answer([NaN])] }] }
    expect(gainsOf(broken, golds, [{ id: 'a' }], 'plain')[0]?.unscored).toContain('no finite figures')
  })

  test('goes to the first of two golds that are equally easy', () => {
    const tied = { ...scores, passages: [{ cut: 0, answers: [answer([-1], [-1]), answer([-1, -1], [-1, -1])] }] }
    expect(gainsOf(tied, golds, [{ id: 'a' }])[0]).toMatchObject({ answer: 'Oslo', plain_answer: 'Oslo', tokens: 1 })
  })

  test.each<[string, AnswerScore[]]>([
    ['no answers', []],
    ['an answer without tokens', [answer([], [])]],
    ['NaN', [answer([NaN], [-1])]],
    ['an infinite figure', [answer([-1], [-Infinity])]],
    ['no figures for this α', [answer([-1])]],
    ['lists of unequal length', [answer([-1], [-1, -1])]],
    ['another number of tokens than without the passage', [answer([-1, -1], [-1, -1])]],
  ])('is unscored where the scorer gave %s: never NaN', (_, answers) => {
    const [gain] = gainsOf({ ...scores, passages: [{ cut: 3, answers }] }, golds, [{ id: 'a' }])
    expect(gain).toMatchObject({ mean_nll: null, infogain: null, tokens: null, cut: 3 })
    expect(gain?.unscored).toBe('the scorer returned no finite figures for any gold')
  })

  test('is measured by the other golds where one has no tokens', () => {
    const one = { ...scores, base: [[], [-2]], passages: [{ cut: 0, answers: [answer([], []), answer([-1], [-1])] }] }
    expect(gainsOf(one, golds, [{ id: 'a' }])[0]).toMatchObject({ answer: 'Christiania', infogain: 1, unscored: null })
  })

  test('of a passage that the scorer forgot is unscored with the reason', () => {
    expect(gainsOf({ ...scores, passages: [] }, golds, [{ id: 'a' }])[0]?.unscored).toContain('no figures')
  })

  test('is never worse for one more gold', () => {
    const figures = fc.array(fc.array(fc.double({ min: -50, max: 0, noNaN: true }), { minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 30,
    })
    fc.assert(
      fc.property(figures, (lists) => {
        const names = lists.map((_, i) => `gold ${i}`)
        const all = { base: lists, passages: [{ cut: 0, answers: lists.map((list) => answer(list, list)) }], usage }
        const nll = (n: number) => gainsOf(all, names.slice(0, n), [{ id: 'a' }])[0]?.mean_nll ?? NaN
        const nlls = names.map((_, i) => nll(i + 1))
        expect(nlls).toEqual(nlls.toSorted((a, b) => b - a))
      }),
    )
  })
})

describe('a list of gains', () => {
  const gain = (passage_id: string, mean_nll: number | null, plain_mean_nll = mean_nll, infogain = mean_nll): Gain => ({
    ...gainsOf({ ...scores, passages: [] }, [], [{ id: passage_id }])[0]!,
    ...{ mean_nll, plain_mean_nll, infogain },
  })

  test('has a best passage by each measure, the earlier one of equals, and never an unscored one', () => {
    const gains = [gain('x', null), gain('a', 2, 9), gain('b', 1, 5), gain('c', 1, 5), gain('d', 3, 4)]
    expect(bestBy('contrastive', gains)?.passage_id).toBe('b')
    expect(bestBy('plain', gains)?.passage_id).toBe('d')
    expect(bestBy('plain', [gain('x', null)])).toBeUndefined()
    expect(bestBy('plain', [])).toBeUndefined()
  })

  test('is ranked as its record was measured; one from before the plain measure was contrastive', () => {
    expect(['contrastive', 'plain', ''].map((measure) => measureOf({ measure }))).toEqual([
      ...['contrastive', 'plain', 'contrastive'],
    ])
    const plain = [gain('a', null, 2), gain('b', null, 1)]
    expect(bestBy('plain', plain)?.passage_id).toBe('b')
    expect(bestBy('contrastive', plain)).toBeUndefined()
    expect(tooFewScored(plain)).toBeUndefined()
  })

  test('teaches nothing with fewer than two scored candidates', () => {
    expect(tooFewScored([gain('a', 0), gain('b', 0)])).toBeUndefined()
    expect(tooFewScored([gain('a', 1), gain('b', null)])).toBe('fewer than two scored candidates')
    expect(tooFewScored([])).toBe('fewer than two scored candidates')
  })

  test('says whether no passage is the best passage', () => {
    expect(nothingGains([gain('a', 1, 1, -2), gain('b', 1, 1, 0)])).toBe(true)
    expect(nothingGains([gain('a', 1, 1, -2), gain('b', 1, 1, 0.01)])).toBe(false)
    expect(nothingGains([gain('a', null)])).toBeUndefined()
  })
})
