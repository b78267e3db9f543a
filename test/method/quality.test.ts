import { describe, expect, test } from 'vitest'
import { kendall, labelFigures, labelPair, spearman } from '../../method/quality.ts'
import type { Gain, Gains } from '../../schemas/gains.ts'
import type { Candidate } from '../../schemas/passage.ts'

const candidate = (id: string, rank: number, source = 'retrieved'): Candidate => ({
  ...{ id, title: '', text: id, source, rank, score: null, dense_rank: null, dense_score: null, sparse_rank: null },
  ...{ sparse_score: null, given_score: null, same_as: [], twin_of: null, not_available: false },
})
const gain = (passage_id: string, mean_nll: number | null, plain = mean_nll, infogain: number | null = 1): Gain => ({
  ...{ passage_id, mean_nll, plain_mean_nll: plain, base_mean_nll: 2, infogain, answer: 'x', plain_answer: 'x' },
  ...{ tokens: 1, cut: 0, unscored: mean_nll === null && plain === null ? 'too long' : null },
})
const record = (gains: readonly Gain[], passages: readonly Candidate[], golds: readonly string[] = []): Gains => ({
  ...{ run: 'r', asked_at: 0, passages: [...passages], gains: [...gains], alpha: 0.5, exact: true, golds: ['x'] },
  query: { id: 'q', question: '?', answers: ['x'], dataset: '', lang: 'en', gold_passage_ids: [...golds] },
  scorer: { model: 'm', revision: '', dtype: '', server: '', runner: '', plugin: '', prompt: null },
  usage: { calls: 0, prompt_tokens: 0, output_tokens: 0, cache_hits: 0, seconds: 0 },
  ...{ golds_left_out: 0, settings: '', measure: 'contrastive' },
})
const three = [candidate('a', 1), candidate('b', 2), candidate('c', 3, 'generated')]

describe('two orders', () => {
  test.each([
    [[1, 2, 3, 4], [10, 20, 30, 40], 1, 1],
    [[1, 2, 3, 4], [4, 3, 2, 1], -1, -1],
    [[1, 2, 3, 4], [1, 2, 4, 3], 4 / 6, 0.8],
    [[1, 2, 2, 3], [1, 2, 3, 4], 5 / Math.sqrt(5 * 6), 0.9486833], // ties: τ-b, and ranks that share their mean
    [[1, 3, 2, 5, 4], [2, 1, 3, 4, 5], 0.4, 0.6],
  ])('%j and %j agree by τ %d and ρ %d', (a, b, tau, rho) => {
    expect(kendall(a, b)).toBeCloseTo(tau, 6)
    expect(spearman(a, b)).toBeCloseTo(rho, 6)
  })

  test('where one has no order agree in nothing that could be said', () => {
    expect([kendall([1, 1, 1], [1, 2, 3]), spearman([1, 2, 3], [2, 2, 2])]).toEqual([undefined, undefined])
  })
})

describe('the labels of a query', () => {
  test('say which passage wins, and whether it is one that the reader wrote itself', () => {
    const found = labelFigures(record([gain('a', 2), gain('b', 1), gain('c', 0.1)], three))
    expect(found).toMatchObject({ scored: 3, unscored: 0, generatedWins: true, flat: false, nothingGains: false })
    const retrieved = labelFigures(record([gain('a', 0.1), gain('b', 1), gain('c', 2)], three))
    expect(retrieved?.generatedWins).toBe(false)
    expect(labelFigures(record([gain('a', 2), gain('b', 1)], three.slice(0, 2)))?.generatedWins).toBeUndefined()
  })

  test('are flat where the teacher has no preference, or where the figures hardly differ', () => {
    const of = (...nlls: number[]) => labelFigures(record(nlls.map((nll, i) => gain('abc'[i]!, nll)), three)) // prettier-ignore
    expect(of(1, 1, 1)).toMatchObject({ entropy: expect.closeTo(1, 12) as number, flat: true })
    expect(of(8, 8.04, 8.02)?.flat).toBe(true)
    expect(of(0.1, 5, 5)?.flat).toBe(false)
    expect(of(0.1, 9, 9)!.entropy).toBeLessThan(of(0.1, 2, 2)!.entropy)
    expect(of(0.001, 0.1, 0.12)).toMatchObject({ flat: true }) // perplexities of 1.0 to 1.1: nearly equal shares
  })

  test('say whether the contrast changes the choice, and nothing of it where only one figure was taken', () => {
    const both = labelFigures(record([gain('a', 1, 2), gain('b', 2, 1), gain('c', 3, 3)], three))
    expect(both).toMatchObject({ sameFirst: false, kendall: expect.closeTo(1 / 3, 12) as number })
    const plain = { ...record([gain('a', null, 2), gain('b', null, 1)], three), measure: 'plain' }
    expect(labelFigures(plain)).toMatchObject({ sameFirst: undefined, kendall: undefined, nlls: [2, 1] })
  })

  test('say whether the teacher finds the gold passage, and whether retrieval had it first; generated ones aside', () => {
    const gains = [gain('a', 2), gain('b', 1), gain('c', 0.1)]
    expect(labelFigures(record(gains, three, ['b']))).toMatchObject({ hit: true, firstHit: false })
    expect(labelFigures(record(gains, three, ['a']))).toMatchObject({ hit: false, firstHit: true })
    expect(labelFigures(record(gains, three))).toMatchObject({ hit: undefined, firstHit: undefined })
  })

  test('count what could not be scored, and are none where fewer than two were', () => {
    const unscored = gain('c', null, null, null)
    expect(labelFigures(record([gain('a', 2), gain('b', 1), unscored], three))).toMatchObject({
      scored: 2,
      unscored: 1,
    })
    expect(labelFigures(record([gain('a', 2), unscored], three))).toBeUndefined()
  })

  test('say where no passage helps', () => {
    const of = (...infogains: number[]) =>
      labelFigures(record(infogains.map((each, i) => gain('abc'[i]!, i, i, each)), three))?.nothingGains // prettier-ignore
    expect([of(0, -1, -2), of(-1, 0.01, 0)]).toEqual([true, false])
  })
})

describe('the labels of two readers', () => {
  const a = record([gain('a', 1), gain('b', 2), gain('c', 3)], three)

  test('agree by the first choice and the order of what both scored', () => {
    const b = record([gain('c', 1), gain('b', 2), gain('a', null, null)], three)
    expect(labelPair(a, b)).toEqual({ passages: 2, sameFirst: false, spearman: -1, first: ['b', 'c'] })
    expect(labelPair(a, a)).toMatchObject({ passages: 3, sameFirst: true, spearman: 1 })
    expect(labelPair(a, record([gain('a', 1)], three))).toBeUndefined()
  })

  test('can be two measures of the same record', () => {
    const both = record([gain('a', 1, 2), gain('b', 2, 1)], three)
    expect(labelPair(both, both, ['contrastive', 'plain'])).toMatchObject({ sameFirst: false, first: ['a', 'b'] })
  })
})
