import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  buildGroup,
  contrastGroup,
  entropy,
  gainsOf,
  softmax,
  teacherScore,
  type GroupOptions,
} from '../../method/index.ts'
import type { Gain } from '../../schemas/gains.ts'
import { candidate, ids } from './candidate.ts'

const gain = (passage_id: string, mean_nll: number | null, plain_mean_nll = mean_nll): Gain => ({
  ...gainsOf(
    { base: [], passages: [], usage: { calls: 0, prompt_tokens: 0, output_tokens: 0, cache_hits: 0, seconds: 0 } },
    [],
    [{ id: passage_id }],
  )[0]!,
  ...{ mean_nll, plain_mean_nll },
})

describe('a teacher score', () => {
  test('is −ln(perplexity + 1)', () => {
    for (const nats of [0, 0.1, 1, 5, 30]) expect(teacherScore(nats)).toBeCloseTo(-Math.log(Math.exp(nats) + 1), 12)
  })

  test('does not overflow where the perplexity does, and still tells passages apart', () => {
    expect(teacherScore(1000)).toBe(-1000)
    expect(teacherScore(1001)).toBeLessThan(teacherScore(1000))
    expect(teacherScore(-1000)).toBe(-0)
  })

  test('in a softmax is 1 / (1 + perplexity), normalised', () => {
    const nlls = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 1, maxLength: 16 })
    fc.assert(
      fc.property(nlls, (group) => {
        const weights = group.map((nll) => 1 / (1 + Math.exp(nll)))
        const sum = weights.reduce((a, b) => a + b, 0)
        softmax(group.map(teacherScore)).forEach((p, i) => expect(p).toBeCloseTo(weights[i]! / sum, 12))
      }),
    )
  })

  test('in a softmax of far and hot scores stays a distribution', () => {
    expect(softmax([-1e4, -2e4])).toEqual([1, 0])
    expect(softmax([-1, -2], 1e9)[0]).toBeCloseTo(0.5, 8)
    expect(softmax([Math.log(1), Math.log(3)], 0.5)[1]).toBeCloseTo(9 / 10, 12)
    expect(softmax([])).toEqual([])
  })

  test('has an entropy between 0 and ln n', () => {
    expect(entropy([1, 0, 0])).toBe(0)
    expect(entropy([0.25, 0.25, 0.25, 0.25])).toBeCloseTo(Math.log(4), 12)
    expect(entropy([])).toBe(0)
  })
})

describe('a training group', () => {
  const query = { answers: ['Oslo'], lang: 'en' }
  const passages = [
    candidate('a', 1),
    candidate('b', 2, { text: 'In Oslo.' }),
    candidate('c', 3, { title: 'Oslo', twin_of: 'b' }),
    candidate('d', 4),
    candidate('e', 5, { source: 'generated', twin_of: 'd' }),
  ]
  const gains = [gain('a', 3, 1), gain('b', 2, 2), gain('c', 1, 5), gain('d', null), gain('e', 4, 3)]
  const group = (options: GroupOptions = {}, of = gains, among = passages) => {
    const built = buildGroup(query, among, of, options)
    return 'reason' in built ? built.reason : ids(built.passages)
  }

  test('is the passage with the least contrastive perplexity, then the others by rank, without the unscored', () => {
    expect(group()).toEqual(['c', 'a', 'b', 'e'])
    expect(group({}, gains, passages.toReversed())).toEqual(['c', 'a', 'b', 'e'])
  })

  test('by the plain measure has the positive and the figures of plain perplexity', () => {
    const built = buildGroup(query, passages, gains, { measure: 'plain' })
    expect(built).toMatchObject({
      passages: [{ id: 'a', mean_nll: 1, score: teacherScore(1) }, { id: 'b', mean_nll: 2 }, {}, {}],
    })
  })

  test('keeps retrieval order between equals', () => {
    expect(
      group(
        {},
        passages.map(({ id }) => gain(id, 1)),
      ),
    ).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('without twins keeps those whose original has no figures', () => {
    expect(group({ dropTwins: true })).toEqual(['b', 'a', 'e'])
  })

  test('carries what a trainer and the export need', () => {
    const built = buildGroup(query, passages, gains)
    expect(built).toMatchObject({
      passages: [
        { id: 'c', title: 'Oslo', source: 'retrieved', rank: 3, mean_nll: 1, has_answer: false, twin_of: 'b' },
        { id: 'a' },
        { id: 'b', has_answer: true },
        { id: 'e', source: 'generated' },
      ],
    })
  })

  test('does not exist for fewer than two passages, with a reason that does not vary', () => {
    expect(group({}, [gain('a', 1), gain('b', null)])).toBe('fewer than two scored candidates')
    expect(group({}, [])).toBe('fewer than two scored candidates')
    expect(group({ dropTwins: true }, [gain('b', 1), gain('c', 2)])).toBe(
      'fewer than two candidates that are not near-copies',
    )
  })

  test('has the least mean NLL first and every scored candidate once', () => {
    const nlls = fc.array(fc.option(fc.double({ min: 0, max: 900, noNaN: true })), { maxLength: 20 })
    fc.assert(
      fc.property(nlls, (list) => {
        const all = list.map((_, i) => candidate(`p${i}`, i + 1))
        const built = buildGroup(
          query,
          all,
          list.map((nll, i) => gain(`p${i}`, nll)),
        )
        const scored = list.filter((nll) => nll !== null)
        expect('reason' in built).toBe(scored.length < 2)
        if ('reason' in built) return
        const [positive, ...others] = built.passages
        expect(built.passages).toHaveLength(scored.length)
        expect(positive?.mean_nll).toBe(Math.min(...scored))
        expect(others.map(({ rank }) => rank)).toEqual(others.map(({ rank }) => rank).toSorted((a, b) => a - b))
      }),
    )
  })
})

describe('a group for a trainer with a hard loss', () => {
  const built = buildGroup(
    { answers: ['yes'], lang: 'en' },
    [candidate('p', 1), candidate('n1', 2, { text: 'yes' }), candidate('n2', 3, { text: 'yes' }), candidate('n3', 4)],
    [gain('p', 1), gain('n1', 1.25), gain('n2', 3), gain('n3', 1.5)],
  )
  const group = 'passages' in built ? built.passages : []

  test.each<[string, Parameters<typeof contrastGroup>[1], string[], [number, number]]>([
    ['keeps all negatives by default', {}, ['n1', 'n2', 'n3'], [0, 0]],
    ['drops those within the margin of the positive', { minMargin: 0.5 }, ['n2', 'n3'], [1, 0]],
    ['drops those that hold an answer', { dropAnswerNegatives: true }, ['n3'], [0, 2]],
    ['counts what both rules drop under the margin', { minMargin: 0.5, dropAnswerNegatives: true }, ['n3'], [1, 1]],
    ['may be left without negatives', { minMargin: 9 }, [], [3, 0]],
  ])('%s', (_, margins, negatives, [withinMargin, holdsAnswer]) => {
    const contrasted = contrastGroup(group, margins)
    expect(contrasted?.positive.id).toBe('p')
    expect(ids(contrasted?.negatives ?? [])).toEqual(negatives)
    expect(contrasted?.dropped).toEqual({ withinMargin, holdsAnswer })
  })

  test('does not exist for an empty group', () => expect(contrastGroup([])).toBeUndefined())
})
