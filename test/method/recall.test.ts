import { describe, expect, test } from 'vitest'
import { answerRank, goldRank, hasAnswerAt, hitAt1, recallAt, withinFirst } from '../../method/index.ts'
import { candidate } from './candidate.ts'

const generated = candidate('g', 9, { source: 'generated' })

describe('gold passages', () => {
  const list = [candidate('a', 1), candidate('b', 2), candidate('gold', 3)]

  test('are recalled from their place on', () => {
    expect([1, 2, 3, 100].map((k) => recallAt(k, list, ['gold', 'other']))).toEqual([0, 0, 1, 1])
  })

  test('that were not retrieved are a miss', () => {
    expect(recallAt(100, list, ['elsewhere'])).toBe(0)
    expect(hitAt1(list, ['elsewhere'])).toBe(false)
    expect(hitAt1([], ['gold'])).toBe(false)
    expect(hitAt1([generated], ['gold'])).toBe(false)
  })

  test('that nobody knows are neither hit nor miss', () => {
    expect(recallAt(5, list, [])).toBeNull()
    expect(hitAt1(list, [])).toBeNull()
  })

  test('are counted with generated passages set aside', () => {
    expect(hitAt1([generated, candidate('gold', 3), candidate('a', 1)], ['gold'])).toBe(true)
    expect(recallAt(1, [generated, candidate('gold', 3)], ['gold'])).toBe(1)
    expect(hitAt1([{ ...generated, id: 'gold' }, candidate('a', 1)], ['gold'])).toBe(false)
  })

  test('are hit by a copy, by a twin, and by the original that a gold is a twin of', () => {
    expect(hitAt1([candidate('a', 1, { same_as: ['gold'] })], ['gold'])).toBe(true)
    expect(hitAt1([candidate('a', 2, { twin_of: 'gold' }), candidate('gold', 1)], ['gold'])).toBe(true)
    expect(hitAt1([candidate('a', 1), candidate('gold', 2, { twin_of: 'a' })], ['gold'])).toBe(true)
    expect(hitAt1([candidate('a', 1), candidate('b', 2, { twin_of: 'a', same_as: ['gold'] })], ['gold'])).toBe(true)
    expect(hitAt1([candidate('b', 3, { twin_of: 'a' }), candidate('a', 1), candidate('gold', 2)], ['gold'])).toBe(false)
  })
})

test('has-answer@k looks at the first k retrieved passages and needs golds', () => {
  const scored = [
    { source: 'generated', has_answer: true },
    { source: 'retrieved', has_answer: false },
    { source: 'retrieved', has_answer: true },
  ]
  expect([1, 2, 5].map((k) => hasAnswerAt(k, scored, ['x']))).toEqual([0, 1, 1])
  expect(hasAnswerAt(5, scored.slice(0, 2), ['x'])).toBe(0)
  expect(hasAnswerAt(5, [], ['x'])).toBe(0)
  expect(hasAnswerAt(5, [{ source: 'retrieved', has_answer: null }], [])).toBeNull()
})

describe('the place of', () => {
  const list = [
    { ...generated, text: 'Paris' },
    candidate('a', 1, { text: 'Lyon' }),
    candidate('b', 2, { text: 'It is Paris.', same_as: ['gold'] }),
    candidate('gold', 3, { text: 'Parisian' }),
  ]

  test('the first gold passage, or of a copy of it, is counted among the retrieved ones', () => {
    expect(goldRank(list, ['gold', 'other'])).toBe(2)
    expect(goldRank(list, ['elsewhere'])).toBeNull()
    expect(goldRank(list, [])).toBeNull()
  })

  test('the first passage that holds an answer is that of whole words, not of a part of one', () => {
    expect(answerRank(list, ['Marseille', 'paris'])).toBe(2)
    expect(answerRank(list, ['Pari'])).toBeNull()
    expect(answerRank(list, [])).toBeNull()
  })

  test('what was found says whether it is among the first k', () => {
    expect([1, 2, 3].map((k) => withinFirst(k, 2))).toEqual([0, 1, 1])
    expect(withinFirst(100, null)).toBe(0)
  })
})
