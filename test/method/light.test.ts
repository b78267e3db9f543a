import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { softmax } from '../../method/group.ts'
import { divergence, expectedGains, fitLight, type LightGroup } from '../../method/light.ts'
import { draw } from '../../method/random.ts'
import { linearScore, type Linear } from '../../method/selector.ts'

const names = ['a', 'b', 'c']
const random = (i: number) => draw(7, i) / 2 ** 32 - 0.5
const rowsOf = (group: number, size: number) =>
  Array.from({ length: size }, (_, i) => names.map((_, c) => 10 * c + (c + 1) * random(100 * group + 10 * i + c)))
/** A teacher that is itself linear in the features. */
const truth = [2, -1, 0.5]
const groups: LightGroup[] = Array.from({ length: 200 }, (_, g) => {
  const rows = rowsOf(g, 2 + (g % 7))
  return { rows, scores: rows.map((row) => row.reduce((sum, x, c) => sum + truth[c]! * x, 0)) }
})

const meanDivergence = (linear: Linear, among = groups) =>
  among.reduce((sum, { rows, scores }) => sum + divergence(softmax(scores), softmax(rows.map((row) => linearScore(linear, row)))), 0) / among.length // prettier-ignore

describe('a light selector', () => {
  test('finds the weights of a teacher that is itself a sum of features', () => {
    const { linear, loss } = fitLight(groups, names, { l2: 1e-10 })
    linear.weights.forEach((weight, c) => expect(weight / linear.scale[c]!).toBeCloseTo(truth[c]!, 5))
    expect(loss).toBeLessThan(1e-10)
  })

  test('has the loss that it says, and no small change of a weight makes it smaller', () => {
    const noisy = groups.map(({ rows, scores }, g) => ({
      rows,
      scores: scores.map((s, i) => s + 3 * random(7 * g + i)),
    }))
    const l2 = 0.01
    const { linear, loss } = fitLight(noisy, names, { l2 })
    expect(meanDivergence(linear, noisy)).toBeCloseTo(loss, 12)
    const penalised = (weights: readonly number[]) =>
      meanDivergence({ ...linear, weights }, noisy) + (l2 / 2) * weights.reduce((sum, w) => sum + w * w, 0)
    linear.weights.forEach((_, c) => {
      const nudged = (by: number) => penalised(linear.weights.map((w, d) => (c === d ? w + by : w)))
      expect((nudged(1e-5) - nudged(-1e-5)) / 2e-5).toBeCloseTo(0, 6)
      expect(nudged(0.1)).toBeGreaterThan(penalised(linear.weights))
    })
  })

  test('follows a colder teacher with larger weights, and a stronger penalty with smaller ones', () => {
    const size = (options: Parameters<typeof fitLight>[2]) =>
      Math.hypot(...fitLight(groups, names, options).linear.weights)
    expect(size({ temperature: 0.5 })).toBeGreaterThan(size({}))
    expect(size({ l2: 1 })).toBeLessThan(size({}))
  })

  test('gives no weight to what is the same in each group, and splits it between columns that say the same', () => {
    const more = groups.map(({ rows, scores }, g) => ({ rows: rows.map((row) => [...row, g, row[0]!]), scores }))
    const { weights } = fitLight(more, [...names, 'same', 'again']).linear
    expect(weights[3]).toBeCloseTo(0, 12)
    expect(weights[4]).toBeCloseTo(weights[0]!, 10)
  })

  test('is the same twice, whatever was fitted between', () => {
    const first = fitLight(groups, names)
    fitLight(groups.slice(0, 9), names)
    expect(fitLight(groups, names)).toEqual(first)
  })

  test('stands its ground where a feature tells all', () => {
    const certain = [{ rows: [[1], [0]], scores: [0, -1000] }, { rows: [[5], [2], [1]], scores: [0, -1e6, -1e6] }] // prettier-ignore
    const { linear, loss } = fitLight(certain, ['x'], { l2: 1e-6 })
    expect(Number.isFinite(linear.weights[0]) && loss < 1e-3).toBe(true)
  })

  test('needs groups and a penalty', () => {
    expect(() => fitLight([], names)).toThrow(/no group/)
    expect(() => fitLight(groups, names, { l2: 0 })).toThrow(/above 0/)
  })
})

describe('a divergence', () => {
  test('is 0 for the same shares and above it for others, in nats', () => {
    expect(divergence([0.5, 0.5], [0.5, 0.5])).toBe(0)
    expect(divergence([1, 0], [0.25, 0.75])).toBeCloseTo(Math.log(4), 12)
    const shares = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 3, maxLength: 3 })
    fc.assert(fc.property(shares, shares, (a, b) => divergence(softmax(a), softmax(b)) >= -1e-12))
  })
})

describe('expected gains', () => {
  test('are the mean teacher scores of the first, the chosen and the best passage; the first of equals is chosen', () => {
    const linear: Linear = { features: ['x'], mean: [0], scale: [1], weights: [1] }
    const two = [
      { rows: [[0], [1], [0]], scores: [-3, -2, -1] },
      { rows: [[1], [1]], scores: [-5, -1] },
    ]
    expect(expectedGains(linear, two)).toEqual({ first: -4, chosen: -3.5, oracle: -1 })
  })
})
