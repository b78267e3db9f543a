import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { featureNames, featuresOf, isFeature, type FeatureName } from '../../method/features.ts'
import type { Choice } from '../../method/ports.ts'
import { choiceOf } from '../contracts/selector.ts'

const etna = choiceOf('etna', 1, {
  ...{ title: 'Mount Etna', text: 'It rises over Sicily. It erupted in 1669, as the Norman chronicle says.' },
  ...{ score: 0.03, dense_rank: 2, dense_score: 0.7, sparse_rank: 1, sparse_score: 12 },
})
const violin = choiceOf('violin', 2, {
  text: 'A violin has four strings.',
  score: 0.015,
  dense_rank: 1,
  dense_score: 0.8,
})
const bread = choiceOf('bread', 3, { text: 'Bread rises.', sparse_rank: 4, sparse_score: 3, source: 'generated' })
const group = [etna, violin, bread]
const question = 'When did Mount Etna last erupt?'

const of = (name: FeatureName, asked = question, choices: readonly Choice[] = group) =>
  featuresOf(asked, choices, [name]).map(([value]) => value!)

describe('features of a choice', () => {
  test.each<[FeatureName, number[]]>([
    ['dense', [0.7, 0.8, 0.7]],
    ['sparse', [1, 0, 0.25]],
    ['sparse_score', [Math.log(13), 0, Math.log(4)]],
    ['fused', [1, 0.5, 0]],
    ['dense_place', [1 / 2, 1, 0]],
    ['sparse_place', [1, 0, 1 / 4]],
    ['place', [1, 1 / 2, 1 / 3]],
    ['dense_depth', [-Math.log(2), -0, -Math.log(200)]],
    ['in_title', [2 / 4, 0, 0]],
    ['title_asked', [1, 0, 0]],
    ['in_text', [3 / 4, 0, 0]],
    ['pairs', [0, 0, 0]],
    ['answer_near', [1, 0, 0]],
    ['answers', [Math.log(2), 0, 0]],
    ['generated', [0, 0, 1]],
  ])('%s', (name, expected) => of(name).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 12)))

  test('a word that few candidates hold weighs more than one that all hold', () => {
    const choices = ['common rare', 'common', 'common', 'common other'].map((text, i) => choiceOf(`p${i}`, i + 1, { text })) // prettier-ignore
    const [both, one] = of('rare', 'common rare other', choices)
    expect(both! / one!).toBeGreaterThan(3)
  })

  test('words are told apart from their inflected forms by neither case, accents nor endings', () => {
    const [share] = of('in_text', 'ERUPTIONS of Étna', [choiceOf('p', 1, { text: 'Etna erupted, an eruption.' })])
    expect(share).toBe(1)
  })

  test.each([
    ['who wrote it', 'It was written by Ann Lee.', 2],
    ['how many strings are there', 'It has 4 strings and 12 frets.', 2],
    ['which year was it', 'It was on 3 May 1669, 20000 years later.', 2],
    ['is it so', 'Ann said so in 1669.', 0],
  ])('%s: in "%s" %i words could answer', (asked, text, count) => {
    expect(of('answers', asked, [choiceOf('p', 1, { text })])[0]).toBeCloseTo(Math.log1p(count), 12)
  })

  test('are finite whatever is missing, and do not depend on the order of the choices', () => {
    const score = fc.option(fc.double({ min: -1e3, max: 1e3, noNaN: true }))
    const rank = fc.option(fc.nat(500))
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('', 'Etna erupted. In 1669!', 'エトナ山 火山'),
    )
    const choice = fc.record({ title: text, text, score, dense_rank: rank, dense_score: score, sparse_rank: rank, sparse_score: score }) // prettier-ignore
    fc.assert(
      fc.property(text, fc.array(choice, { maxLength: 6 }), (asked, all) => {
        const choices = all.map((one, i) => choiceOf(`p${i}`, i + 1, one))
        const rows = featuresOf(asked, choices)
        expect(rows.every((row) => row.length === featureNames.length && row.every(Number.isFinite))).toBe(true)
        const close = featuresOf(asked, choices.toReversed()).toReversed()
        rows.forEach((row, i) => row.forEach((value, c) => expect(close[i]![c]).toBeCloseTo(value, 9)))
      }),
    )
  })

  test('have names that are known, and columns in the order asked for', () => {
    expect(isFeature('dense') && !isFeature('charm') && !isFeature(1)).toBe(true)
    expect(featuresOf(question, group, ['place', 'dense'])[0]).toEqual([1, 0.7])
  })
})
