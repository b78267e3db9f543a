import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareRuns, meanInterval, overall } from '../../method/index.ts'
import { binomial } from '../../method/binomial.ts'
import { draw, generator, hash } from '../../method/random.ts'

const few = { resamples: 500 }
const coin = (n: number, heads: number) => Array.from({ length: n }, (_, i) => (i < heads ? 1 : 0))
const byId = (grades: readonly number[]) => new Map(grades.map((grade, i) => [`q${i}`, grade]))

describe('chance', () => {
  test('comes out the same on every machine and in every release: totals that were folded live on it', () => {
    const random = generator('seed')
    expect(Array.from({ length: 8 }, () => random(100))).toEqual([75, 85, 67, 88, 40, 30, 49, 51])
    expect([hash(''), hash('q1'), hash('q1', 1), hash('東京'), draw(1, 0), draw(1, 1)]).toEqual([
      2856213345, 3222763658, 4044295831, 95270344, 2527132011, 314344336,
    ])
  })

  test('is even over its range, and never leaves it', () => {
    const random = generator('even')
    const counts = new Array<number>(10).fill(0)
    for (let i = 0; i < 100_000; i++) counts[random(10)]!++
    expect(counts).toHaveLength(10)
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500) // 5 standard deviations
  })
})

describe('a binomial draw', () => {
  const random = generator('binomial')
  const uniform = () => (random(2 ** 32) + 0.5) / 2 ** 32
  const logs = (n: number) => Array.from({ length: n }, (_, i) => Math.log(i + 1)).reduce((sum, x) => sum + x, 0)
  const chance = (n: number, p: number, k: number) =>
    Math.exp(logs(n) - logs(k) - logs(n - k) + k * Math.log(p) + (n - k) * Math.log(1 - p))

  test.each([
    [12, 0.3],
    [200, 0.02],
    [40, 0.5],
    [90, 0.25],
    [90, 0.8],
    [400, 0.04],
  ])('of %i trials with p = %d has the probabilities of the textbook', (n, p) => {
    const draws = 100_000
    const seen = new Map<number, number>()
    for (let i = 0; i < draws; i++) {
      const k = binomial(n, p, uniform)
      seen.set(k, (seen.get(k) ?? 0) + 1)
    }
    for (let k = 0; k <= n; k++) {
      const expected = draws * chance(n, p, k)
      // Five standard deviations, and one for what is hardly ever drawn.
      expect(Math.abs((seen.get(k) ?? 0) - expected)).toBeLessThan(5 * Math.sqrt(expected) + 1)
    }
    expect([...seen.keys()].every((k) => k >= 0 && k <= n)).toBe(true)
  })

  test('of certain or impossible success needs no chance', () => {
    const never = () => expect.fail('drawn')
    expect([binomial(9, 1, never), binomial(9, 0, never), binomial(0, 0.5, never)]).toEqual([9, 0, 0])
  })
})

describe('a mean with its interval', () => {
  test('covers about ±1.96 standard errors, with 10,000 resamples', () => {
    const { n, mean, low, high } = meanInterval(coin(400, 160))!
    const error = Math.sqrt((0.4 * 0.6) / 400)
    expect([n, mean]).toEqual([400, 0.4])
    expect(Math.abs(low - (0.4 - 1.96 * error))).toBeLessThan(0.004)
    expect(Math.abs(high - (0.4 + 1.96 * error))).toBeLessThan(0.004)
  })

  test('holds the truth about 95 times out of 100', () => {
    const random = generator('coverage')
    const held = Array.from({ length: 300 }, () => {
      const { low, high } = meanInterval(
        Array.from({ length: 80 }, () => random(1000) / 1000),
        few,
      )!
      return low <= 0.4995 && 0.4995 <= high
    }).filter(Boolean).length
    expect(held / 300).toBeGreaterThan(0.9)
    expect(held / 300).toBeLessThan(0.99)
  })

  test('is the same twice, in any order of the queries, and another with another seed', () => {
    const values = Array.from({ length: 50 }, (_, i) => (i * 37) % 11)
    expect(meanInterval(values, few)).toEqual(meanInterval(values.toReversed(), few))
    expect(meanInterval(values, few)).not.toEqual(meanInterval(values, { ...few, seed: 'other' }))
  })

  test('holds its mean, and moves and grows with its values', () => {
    const values = fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(values, (grades) => {
        const { mean, low, high } = meanInterval(grades, few)!
        expect(low).toBeLessThanOrEqual(mean)
        expect(high).toBeGreaterThanOrEqual(mean)
        const moved = meanInterval(
          grades.map((grade) => 3 + 2 * grade),
          few,
        )!
        expect(moved.low).toBeCloseTo(3 + 2 * low, 10)
        expect(moved.high).toBeCloseTo(3 + 2 * high, 10)
      }),
      { numRuns: 50 },
    )
  })

  test('of 100,000 grades with few levels takes seconds, and is the one that theory gives', () => {
    const levels = [0, 0.25, 0.5, 2 / 3, 1]
    const values = Array.from({ length: 100_000 }, (_, i) => levels[(i * i) % 5]!)
    const started = performance.now()
    const { n, mean, low, high } = meanInterval(values)!
    expect(performance.now() - started).toBeLessThan(2000)
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n
    const error = Math.sqrt(variance / n)
    expect((low - mean) / error).toBeCloseTo(-1.96, 1)
    expect((high - mean) / error).toBeCloseTo(1.96, 1)
    expect(meanInterval(values.toReversed())).toEqual({ n, mean, low, high })
  })

  test('is as wide where levels are counted as where each draw is made', () => {
    const values = Array.from({ length: 999 }, (_, i) => (i % 9 === 0 ? 1 : 0))
    const width = ({ low, high }: { low: number; high: number }) => high - low
    const drawn = meanInterval(values)!
    const counted = meanInterval([...values, 1, 0, 0, 0, 0, 0, 0, 0, 0])!
    expect(width(counted) / width(drawn)).toBeGreaterThan(0.93)
    expect(width(counted) / width(drawn)).toBeLessThan(1.07)
  })

  test('of one value is that value, and of none does not exist', () => {
    expect(meanInterval([0.3])).toEqual({ n: 1, mean: 0.3, low: 0.3, high: 0.3 })
    expect(meanInterval([])).toBeUndefined()
  })
})

describe('figures over datasets', () => {
  const values = new Map([
    ['big', coin(90, 90)],
    ['small', coin(10, 0)],
    ['empty', []],
  ])

  test('have a micro mean over queries and a macro mean over datasets', () => {
    const figures = overall(values, few)!
    expect(figures.micro).toMatchObject({ n: 100, mean: 0.9 })
    expect(figures.macro).toEqual({ n: 100, mean: 0.5, low: 0.5, high: 0.5 }) // drawn within each dataset
    expect(Object.keys(figures.datasets)).toEqual(['big', 'small'])
    expect(figures.datasets['small']).toEqual({ n: 10, mean: 0, low: 0, high: 0 })
  })

  test('agree where there is one dataset, and do not depend on the order of datasets', () => {
    const one = overall(new Map([['nq', coin(20, 7)]]), few)!
    expect(one.macro).toEqual(one.micro)
    expect(one.datasets['nq']).toEqual(one.micro)
    const two = [['nq', coin(20, 7)] as const, ['squad', coin(9, 5)] as const]
    expect(overall(new Map(two.toReversed()), few)).toEqual(overall(new Map(two), few))
  })

  test('do not exist without values', () => {
    expect(overall(new Map())).toBeUndefined()
    expect(overall(new Map([['nq', []]]))).toBeUndefined()
  })
})

describe('two runs over the same queries', () => {
  test('are compared query by query', () => {
    const ours = new Map([...byId([1, 1, 0, 0.5, 0, 1, 1]), ['only ours', 1]])
    const theirs = new Map([...byId([0, 1, 1, 0.25, 0, 1, 1]), ['only theirs', 1], ['neither', 0]])
    const compared = compareRuns(ours, theirs, few)!
    expect(compared).toMatchObject({ n: 7, won: 2, lost: 1, tied: 4, unmatched: { ours: 1, theirs: 2 } })
    expect(compared.difference.mean).toBeCloseTo(0.25 / 7, 12)
  })

  test('that win and lose nothing differ by 0, and could have shown six changes to one side', () => {
    const compared = compareRuns(byId(coin(100, 50)), byId(coin(100, 50)), few)
    expect(compared).toMatchObject({ won: 0, lost: 0, difference: { mean: 0, low: 0, high: 0 }, detectable: 0.06 })
  })

  test('could show 2.8 standard errors', () => {
    const compared = compareRuns(byId(coin(100, 50)), byId(coin(100, 50).toReversed()), few)!
    expect(compared.detectable).toBeCloseTo((2.8016 * Math.sqrt(100 / 99)) / 10, 10)
  })

  test('could show nothing with five queries', () => {
    expect(compareRuns(byId(coin(5, 5)), byId(coin(5, 0)), few)?.detectable).toBeUndefined()
  })

  test('turn their sign when they change places', () => {
    const [a, b] = [byId(coin(60, 40)), byId(coin(60, 20))]
    const [there, back] = [compareRuns(a, b)!, compareRuns(b, a)!]
    expect(back).toMatchObject({ won: there.lost, lost: there.won, tied: there.tied, detectable: there.detectable })
    expect(back.difference.mean).toBeCloseTo(-there.difference.mean, 12)
    expect(Math.abs(back.difference.low + there.difference.high)).toBeLessThan(0.02)
    expect(there.difference.low).toBeGreaterThan(0)
  })

  test('without a common query cannot be compared', () => {
    expect(compareRuns(new Map([['a', 1]]), new Map([['b', 1]]))).toBeUndefined()
  })
})
