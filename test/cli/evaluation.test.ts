import { describe, expect, test } from 'vitest'
import { asJson, asText, uneven, versusFirst } from '../../cli/evaluation.ts'
import { underConditions } from '../../cli/commands/evaluate.ts'
import { macroOf } from '../../cli/report.ts'
import type { RunState } from '../../cli/runs.ts'
import { fold, merged, type Totals } from '../../runtime/totals.ts'
import { aStream, never, reader, scorer } from '../traps/stream.ts'

const blank: Totals = {
  ...{ stream: 's', run: 'r', stage: 'evaluate', partition: 0 },
  ...{ counts: {}, sums: {}, replicates: {}, updated_at: 0, recent: {} },
}
const stateOf = (grades: Readonly<Record<string, readonly number[]>>): RunState => {
  const tallies = Object.entries(grades).flatMap(([group, values]) =>
    values.map((f1, i) => ({ run: 'r', id: `${group}${i}`, outcome: 'graded', figures: { group, values: { f1 } } })),
  )
  const evaluate = merged([fold(blank, tallies, 1)])
  return { stages: { evaluate }, outcomes: {}, rejected: 0, done: 0, complete: true, recent: {}, updated_at: 1 }
}
const coin = (n: number, heads: number) => Array.from({ length: n }, (_, i) => (i < heads ? 1 : 0))

describe('the macro mean', () => {
  test('weighs every dataset the same, and its interval is that of the mean of means', () => {
    const { f1 } = macroOf(stateOf({ big: coin(400, 320), small: coin(100, 20), 'with/slash': coin(100, 50) }))
    expect(f1).toMatchObject({ n: 600, mean: expect.closeTo(0.5, 12) as number })
    const error = Math.sqrt((0.8 * 0.2) / 400 + (0.2 * 0.8) / 100 + (0.5 * 0.5) / 100) / 3
    expect((f1!.low - 0.5) / error).toBeGreaterThan(-2.6)
    expect((f1!.low - 0.5) / error).toBeLessThan(-1.4)
    expect((f1!.high - 0.5) / error).toBeGreaterThan(1.4)
    expect((f1!.high - 0.5) / error).toBeLessThan(2.6)
  })

  test('has an interval without holes where a dataset is so small that replicates miss it', () => {
    const { f1 } = macroOf(stateOf({ big: coin(50, 50), one: [0] }))
    expect(f1).toEqual({ n: 51, mean: 0.5, low: 0.5, high: 1 })
  })
})

const passages = [
  { id: 'p1', title: 'Danube', text: 'The Danube flows through Vienna.' },
  { id: 'p2', title: 'Rhine', text: 'The Rhine flows through Cologne.' },
  { id: 'p3', title: 'Thames', text: 'The Thames flows through London.' },
]
const question = (id: string, city: string, answers: string[], dataset: string) => ({
  ...{ id, question: `Which river flows through ${city}?`, answers, dataset, gold_passage_ids: ['p1'] },
})

/** Two queries that the passages answer; a third whose candidates cannot be scored, so that gain never answers it. */
const evaluatedStream = async () => {
  const port = scorer((text) => text.includes('unscorable')).port
  const stuck = {
    ...port,
    score: async (...given: Parameters<typeof port.score>) => {
      const result = await port.score(...given)
      if (!given[0].question.includes('London')) return result
      return { ...result, passages: result.passages.map(() => ({ unscored: 'the prompt is too long' })) }
    },
  }
  const stream = await aStream(passages, { scorer: stuck, reader: reader() })
  const entry = await stream.run(
    'synthesis',
    [
      question('a', 'Vienna', ['Danube'], 'nq'),
      question('b', 'Cologne', ['Rhine'], 'nq'),
      question('c', 'London', ['Thames'], 'squad'),
    ],
    ['imagine', 'retrieve', 'label'],
  )
  const evaluated = await underConditions(stream.world, entry, ['none', 'first', 'gain'], never)
  return { evaluated, versus: await versusFirst(stream.world, entry.run, evaluated), run: entry.run }
}

test('an evaluation gives all figures by dataset, micro and macro, and compares conditions query by query', async () => {
  const { evaluated, versus, run } = await evaluatedStream()
  const [none, first, gain] = asJson(run, evaluated, versus)
  const full = (n: number) => ({ n, mean: 100, interval: [100, 100] })
  expect(none).toMatchObject({ condition: 'none', run, generated_chosen: null, compared: undefined })
  expect(none!.macro).toMatchObject({ f1: { n: 3, mean: 0 }, oracle: full(3) })
  expect(none!.macro).not.toHaveProperty('has_answer')
  expect(first!.micro).toMatchObject({ boundary_em: full(3), f1: full(3), has_answer: full(3), oracle: full(3) })
  expect(first!.micro.hit).toMatchObject({ n: 3, mean: expect.closeTo(100 / 3, 9) as number })
  expect(first!.macro.hit).toMatchObject({ n: 3, mean: expect.closeTo(25, 9) as number })
  expect(first!.datasets).toMatchObject({ nq: { f1: full(2) }, squad: { f1: full(1) } })
  expect(first!.generated_chosen).toBe(0)
  const won = (n: number, theirs: number) => ({
    ...{ n, won: n, lost: 0, tied: 0, unmatched: { ours: 0, theirs }, difference: full(n), detectable: null },
  })
  expect(first!.compared).toEqual({ with: 'none', boundary_em: won(3, 0), f1: won(3, 0) })
  expect(gain!.compared).toEqual({ with: 'none', boundary_em: won(2, 1), f1: won(2, 1) })
})

test('an evaluation says where conditions were not graded over the same queries, and shows people every figure', async () => {
  const { evaluated, versus } = await evaluatedStream()
  expect(uneven(evaluated)).toContain('(no passage 3, first retrieved passage 3, passage with the most gain 2)')
  expect(uneven(evaluated.slice(0, 2))).toBeUndefined()
  const text = asText(evaluated, versus)
  expect(text).toContain(uneven(evaluated))
  expect(text).toMatch(/^first retrieved passage +macro +3 +100\.0 \[/m)
  expect(text).toMatch(/^ +micro +3 +100\.0 \[/m)
  expect(text).toMatch(/^passages +has answer +oracle +hit@1 +generated chosen$/m)
  expect(text).toMatch(/^no passage +macro +- +100\.0 \[100\.0, 100\.0\] +\S+ \[.*\] +-$/m)
  expect(text).toMatch(/^against no passage +n +won +lost +tied +difference +detectable$/m)
  expect(text).toMatch(/^passage with the most gain +F1 +2 +2 +0 +0 +100\.0 \[100\.0, 100\.0\] +-$/m)
})
