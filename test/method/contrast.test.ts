import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  answerScore,
  contrastByDefinition,
  contrastLogprob,
  infogain,
  meanNll,
  perplexity,
  plainLogprob,
  type Row,
} from '../../method/index.ts'

const score = fc.double({ min: -60, max: 60, noNaN: true })
const row = (length: number) =>
  fc.array(fc.oneof({ weight: 9, arbitrary: score }, { weight: 1, arbitrary: fc.constant(-Infinity) }), {
    minLength: length,
    maxLength: length,
  })
const alpha = fc.oneof(fc.constant(0), fc.constant(0.5), fc.double({ min: 0, max: 20, noNaN: true }))

/** Two rows of one vocabulary with at least one possible token each, a token and an α. */
const rows = fc.integer({ min: 1, max: 40 }).chain((length) =>
  fc
    .record({ given: row(length), bare: row(length), token: fc.nat(length - 1), alpha })
    .filter(({ given, bare }) => Math.max(...given) > -Infinity && Math.max(...bare) > -Infinity)
    .map(({ given, bare, ...rest }) => ({ given: Float64Array.from(given), bare: Float64Array.from(bare), ...rest })),
)

const close = (a: number, b: number, tolerance = 1e-9) =>
  expect(Math.abs(a - b)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(a), Math.abs(b)))

describe('the contrast', () => {
  test('of a worked example is what a pocket calculator says', () => {
    // p = (1/2, 1/4, 1/4) with the passage, (1/4, 1/2, 1/4) without; α = 1: p²/base = (1, 1/8, 1/4), over 11/8.
    const given = Float64Array.from([1 / 2, 1 / 4, 1 / 4], Math.log)
    const bare = Float64Array.from([1 / 4, 1 / 2, 1 / 4], Math.log)
    for (const contrast of [contrastByDefinition, contrastLogprob]) {
      close(Math.exp(contrast(given, bare, 1, 0)), 8 / 11)
      close(Math.exp(contrast(given, bare, 1, 1)), 1 / 11)
      close(Math.exp(contrast(given, bare, 1, 2)), 2 / 11)
    }
  })

  test('computed in two passes is the definition', () => {
    fc.assert(
      fc.property(rows, ({ given, bare, token, alpha }) => {
        close(contrastLogprob(given, bare, alpha, token), contrastByDefinition(given, bare, alpha, token))
      }),
      { numRuns: 1000 },
    )
  })

  test('is a distribution: finite, never above 0, and its probabilities add up to 1', () => {
    fc.assert(
      fc.property(rows, ({ given, bare, alpha }) => {
        const logprobs = Array.from(given, (_, token) => contrastLogprob(given, bare, alpha, token))
        for (const logprob of logprobs) {
          expect(Number.isFinite(logprob)).toBe(true)
          expect(logprob).toBeLessThanOrEqual(0)
        }
        close(
          logprobs.reduce((sum, x) => sum + Math.exp(x), 0),
          1,
        )
      }),
    )
  })

  test('with α = 0 is the plain figure to the bit, whatever the reader says without the passage', () => {
    fc.assert(
      fc.property(rows, ({ given, bare, token }) => {
        expect(contrastLogprob(given, bare, 0, token)).toBe(plainLogprob(given, token))
      }),
    )
  })

  test('does not change when a constant is added to a row: logits and log-probabilities are alike', () => {
    const shift = fc.double({ min: -500, max: 500, noNaN: true })
    fc.assert(
      fc.property(rows, shift, shift, ({ given, bare, token, alpha }, a, b) => {
        const shifted = contrastLogprob(
          given.map((z) => z + a),
          bare.map((z) => z + b),
          alpha,
          token,
        )
        close(shifted, contrastLogprob(given, bare, alpha, token), 1e-8)
      }),
    )
  })

  test('between a row and itself is the plain figure for any α', () => {
    fc.assert(
      fc.property(rows, ({ given, token, alpha }) => {
        close(contrastLogprob(given, given, alpha, token), plainLogprob(given, token))
      }),
    )
  })

  test('of a token that neither row thinks possible is finite and far below the others', () => {
    const impossible = Float32Array.of(0, -1, -Infinity)
    const logprob = contrastLogprob(impossible, impossible, 0.5, 2)
    expect(logprob).toBeLessThan(-100)
    expect(Number.isFinite(logprob)).toBe(true)
  })

  test('of a token that only the passage makes possible is finite even under a huge α', () => {
    const given = Float32Array.of(-1, -0.5, -3)
    const bare = Float32Array.of(-1, -Infinity, -0.5)
    close(contrastLogprob(given, bare, 100, 1), 0)
    expect(Number.isFinite(contrastLogprob(given, bare, 100, 2))).toBe(true)
  })

  test('keeps what is impossible below everything that is merely unlikely', () => {
    const given = Float64Array.of(0, -700, -Infinity)
    expect(plainLogprob(given, 1)).toBe(-700)
    expect(plainLogprob(given, 2)).toBeLessThanOrEqual(-700)
  })

  test('does not overflow on logits far from 0', () => {
    const given = Float64Array.of(1e6, 1e6 - 1)
    close(plainLogprob(given, 0), -Math.log1p(Math.exp(-1)))
    close(contrastLogprob(given, Float64Array.of(-1e6, -1e6), 0.5, 0), -Math.log1p(Math.exp(-1.5)))
  })

  test.each<[string, () => number]>([
    ['rows of different vocabularies', () => contrastLogprob(Float32Array.of(0, 1), Float32Array.of(0), 0.5, 0)],
    ['a base of more tokens', () => contrastLogprob(Float32Array.of(0, 1), Float32Array.of(0, 1, 2), 0.5, 0)],
    ['a token past the vocabulary', () => plainLogprob(Float32Array.of(0, 1), 2)],
    ['a negative token', () => plainLogprob(Float32Array.of(0, 1), -1)],
    ['half a token', () => plainLogprob(Float32Array.of(0, 1), 0.5)],
    ['NaN in a row', () => plainLogprob(Float32Array.of(0, NaN, 1), 0)],
    ['NaN in the base', () => contrastLogprob(Float32Array.of(0, 1), Float32Array.of(0, NaN), 0.5, 0)],
    ['infinite logits', () => plainLogprob(Float32Array.of(0, Infinity), 0)],
    ['a row without any possible token', () => plainLogprob(Float32Array.of(-Infinity, -Infinity), 0)],
    ['a row without tokens', () => plainLogprob(new Float32Array(0), 0)],
  ])('is refused for %s instead of being NaN', (_, compute) => expect(compute).toThrow(RangeError))
})

describe("an answer's figures", () => {
  const given: Row[] = [Float32Array.of(0, 2, 1), Float32Array.of(3, 0, 0)]
  const bare: Row[] = [Float32Array.of(1, 1, 1), Float32Array.of(0, 0, 3)]

  test('come token by token, one list per α', () => {
    const figures = answerScore(given, bare, [1, 0], [0, 0.5])
    expect(figures.plain).toEqual([plainLogprob(given[0]!, 1), plainLogprob(given[1]!, 0)])
    expect(figures.contrast).toEqual([
      figures.plain,
      [contrastLogprob(given[0]!, bare[0]!, 0.5, 1), contrastLogprob(given[1]!, bare[1]!, 0.5, 0)],
    ])
  })

  test('need one row per token', () => {
    expect(() => answerScore(given, bare, [1], [0.5])).toThrow('1 tokens need as many rows, not 2 and 2')
  })

  test('are means over tokens in nats', () => {
    expect(meanNll([-1, -2, -6])).toBe(3)
    expect(Object.is(meanNll([0, 0]), 0)).toBe(true)
    expect(infogain([-1, -2], [-2, -5])).toBe(2)
    expect(perplexity(0)).toBe(1)
    expect(perplexity(Math.log(7))).toBeCloseTo(7, 12)
  })

  test('of no tokens do not exist, and of unequal lists neither', () => {
    expect(meanNll([])).toBeUndefined()
    expect(infogain([], [])).toBeUndefined()
    expect(infogain([-1, -1], [-1])).toBeUndefined()
  })

  test('have an infinite perplexity only past 709 nats, where the nats are still told apart', () => {
    expect(perplexity(709)).toBeLessThan(Infinity)
    expect(perplexity(711)).toBe(Infinity)
    expect(meanNll([-711])).toBe(711)
  })
})
