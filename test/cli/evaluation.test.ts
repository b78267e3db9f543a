import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { writeSelector } from '../../adapters/selectors/index.ts'
import { asJson, judge, liveFigures, uneven } from '../../cli/evaluation.ts'
import { outcomesIn } from '../../cli/compare/outcomes.ts'
import { checkConditions, settingsOf, type Choosers, type Condition } from '../../cli/conditions.ts'
import { readConfig } from '../../cli/config.ts'
import { underConditions } from '../../cli/commands/evaluate.ts'
import { asHtml } from '../../cli/report/html.ts'
import { asText, evaluationReport } from '../../cli/report/evaluation.ts'
import { macroOf } from '../../cli/report.ts'
import type { RunState } from '../../cli/runs.ts'
import { weightsIn } from '../../cli/weights.ts'
import { fold, merged, type Totals } from '../../runtime/totals.ts'
import { candidates } from '../../topics/index.ts'
import { folder } from './command.ts'
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
const evaluating = async () => {
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
  return { evaluated, judged: await judge(stream.world, entry.run, evaluated), run: entry.run }
}
let made: ReturnType<typeof evaluating> | undefined
const evaluatedStream = () => (made ??= evaluating()) // what comes of it outlives the stream

test('an evaluation gives all figures by dataset, micro and macro, and compares conditions query by query', async () => {
  const { evaluated, judged, run } = await evaluatedStream()
  const [none, first, gain] = asJson(run, evaluated, judged)
  const full = (n: number) => ({ n, mean: 100, interval: [100, 100] })
  expect(none).toMatchObject({ condition: 'none', run, generated_chosen: null, compared: undefined })
  expect(none!.macro).toMatchObject({ f1: { n: 3, mean: 0 }, oracle: full(3) })
  for (const name of ['hit', 'has_answer']) expect(none!.macro).not.toHaveProperty(name)
  expect(first!.micro).toMatchObject({ boundary_em: full(3), f1: full(3), has_answer: full(3), oracle: full(3) })
  expect(first!.micro.hit).toMatchObject({ n: 3, mean: expect.closeTo(100 / 3, 9) as number })
  expect(first!.macro.hit).toMatchObject({ n: 3, mean: expect.closeTo(25, 9) as number })
  expect(first!.datasets).toMatchObject({ nq: { f1: full(2) }, squad: { f1: full(1) } })
  expect(first!.generated_chosen).toBe(0)
  const won = (n: number, theirs: number) => ({
    ...{ n, won: n, lost: 0, tied: 0, unmatched: { ours: 0, theirs }, difference: full(n), detectable: null },
  })
  expect(first!.compared).toMatchObject({ with: 'none', boundary_em: won(3, 0), f1: won(3, 0) })
  expect(first!.compared!.f1).toMatchObject({ macro: { n: 3, difference: full(3) }, datasets: { nq: { won: 2 } } })
  for (const name of ['hit', 'has_answer']) expect(first!.compared).not.toHaveProperty(name) // nothing was chosen without a passage
  expect(gain!.compared).toMatchObject({ with: 'none', boundary_em: won(2, 1), f1: won(2, 1) })
})

test('an evaluation says where conditions were not graded over the same queries, and shows people every figure', async () => {
  const { evaluated, judged, run } = await evaluatedStream()
  expect(uneven(evaluated)).toContain('(no passage 3, first retrieved passage 3, passage with the most gain 2)')
  expect(uneven(evaluated.slice(0, 2))).toBeUndefined()
  const told = { results: asJson(run, evaluated, judged), remarks: [uneven(evaluated)!, ...judged.warnings] }
  const text = asText(told)
  for (const remark of told.remarks) expect(text).toContain(remark)
  expect(text).toMatch(/^first retrieved passage +macro +3 +100\.0 \[/m)
  expect(text).toMatch(/^ +micro +3 +100\.0 \[/m)
  expect(text).toMatch(/^passages +has answer +oracle +hit@1 +generated chosen$/m)
  expect(text).toMatch(/^no passage +macro +- +100\.0 \[100\.0, 100\.0\] +- +-$/m)
  expect(text).toMatch(/^against no passage +n +won +lost +tied +difference +detectable$/m)
  expect(text).toMatch(/^ +F1 +2 +2 +0 +0 +\+100\.0 \[\+100\.0, \+100\.0\] +-$/m)
})

test('an evaluation says who chose and who answered, and where the reader that labelled is the one that answers', async () => {
  const { evaluated, judged, run } = await evaluatedStream()
  const [, first, gain] = asJson(run, evaluated, judged)
  expect(first).toMatchObject({ selectors: [{ name: 'retrieval order' }], readers: [{ model: 'double' }] })
  expect(gain).toMatchObject({ selectors: [{ name: 'given score' }] })
  expect(judged.warnings).toEqual([
    'passage with the most gain: double gave the answers and measured the gains behind given score: let a second reader judge',
  ])
})

test('a report of an evaluation holds every figure of --json, and plots them', async () => {
  const { evaluated, judged, run } = await evaluatedStream()
  const results = asJson(run, evaluated, judged)
  const html = asHtml(evaluationReport({ results, remarks: [] }, { run, source: ['3 queries'] }, results))
  const said = new Set([...html.matchAll(/<data value="([^"]+)">/g)].map(([, value]) => Number(value)))
  for (const { micro, macro, datasets } of results)
    for (const figures of [micro, macro, ...Object.values(datasets)])
      for (const name of ['strict_em', 'boundary_em', 'containment_em', 'f1', 'has_answer', 'oracle', 'hit'])
        for (const value of figures[name] ? [figures[name].mean, ...figures[name].interval] : [])
          expect(said).toContain(value)
  expect(html.match(/<svg/g)).toHaveLength(5)
})

test('the figures so far are said in one line while a run goes on', async () => {
  const { evaluated } = await evaluatedStream()
  expect(liveFigures(evaluated[1]!.state)).toMatch(
    /^EM 100\.0 \[100\.0, 100\.0\], F1 100\.0 \[.*\], hit@1 33\.3 \[.*\], has answer 100\.0 \[.*\]$/,
  )
  expect(liveFigures({ ...evaluated[1]!.state, stages: {} })).toBe('')
})

describe('a condition', () => {
  const set = { 'retrieve.mode': 'fused', 'retrieve.k': 4 }

  test('by one ranking takes the first of that ranking, and where it found nothing the first retrieved', async () => {
    const longer = {
      id: 'p4',
      title: 'Seine',
      text: 'The Seine flows through Paris, and its text is the longest of all.',
    }
    const stream = await aStream([...passages, longer], { set, reader: reader() })
    const asked = [
      question('a', 'Vienna', ['Danube'], 'nq'),
      { ...question('b', '', ['Rhine'], 'nq'), question: 'zzz' },
    ]
    const entry = await stream.run('synthesis', asked, ['imagine', 'retrieve'])
    const found = new Map((await stream.values(candidates)).map((each) => [each.query.id, each.passages]))
    const evaluated = await underConditions(stream.world, entry, ['first', 'dense', 'bm25'], never)
    const chosen = async (at: number) => {
      const { queries } = await outcomesIn(stream.world, { stream: evaluated[at]!.stream, run: entry.run })
      return ['a', 'b'].map((id) => queries.get(id)?.chosen?.id)
    }
    const at = (id: string, rank: 'rank' | 'dense_rank' | 'sparse_rank') =>
      found.get(id)!.find((one) => one[rank] === 1)?.id
    expect(await chosen(0)).toEqual([at('a', 'rank'), at('b', 'rank')])
    expect(await chosen(1)).toEqual([at('a', 'dense_rank'), at('b', 'dense_rank')])
    expect(await chosen(2)).toEqual(['p1', at('b', 'rank')])
    expect(at('a', 'dense_rank')).toBe('p4') // by the length of its text
    expect(at('b', 'sparse_rank')).toBeUndefined()
  })

  test('that lacks its ranking or its weights is refused before anything is done', () => {
    const config = readConfig({ env: {}, flags: { 'retrieve.mode': 'dense' } })
    const check =
      (wanted: Condition[], choosers: Choosers = {}, given = false) =>
      () =>
        checkConditions(wanted, config, choosers, given)
    const weights = { folder: '/w', name: 'w', sha256: '0123456789abcdef', minScore: null }
    expect(check(['bm25'])).toThrow('condition bm25 needs its ranking: retrieve.mode is dense')
    expect(check(['dense'])).not.toThrow()
    expect(check(['dense'], {}, true)).toThrow('candidates that come with the queries carry no ranks')
    expect(check(['reranker'])).toThrow('name it with --reranker')
    expect(check(['selected'])).toThrow('name its folder with --selector, or put one in force')
    expect(check(['selected'], { selector: weights })).not.toThrow()
    expect(check(['abstain'], { selector: weights })).toThrow('/w was fitted without a least score (min_score)')
  })

  test('by weights is a stream of its own for each selector, whatever selector the source has', () => {
    const config = readConfig({ env: {}, flags: { 'select.by': 'model', 'select.model': 'follow' } })
    const weights = { folder: '/w', name: 'w', sha256: '0123456789abcdef', minScore: 0.5 }
    const settings = (condition: Condition) => settingsOf(config, condition, { selector: weights, reranker: weights })
    expect(settings('selected')).toMatchObject({
      stream: 'main-selected-01234567',
      select: { by: 'model', model: '/w', abstain: false },
    })
    expect(settings('abstain')).toMatchObject({ stream: 'main-abstain-01234567', select: { abstain: true } })
    expect(settings('reranker').stream).toBe('main-reranker-01234567')
    expect(settings('first')).toMatchObject({ stream: 'main-first', select: { by: 'retrieval', model: null } })
    expect(config.select).toMatchObject({ by: 'model', model: 'follow' })
  })

  test('by a selector answers with what that chooses, abstains where it may, and says how it was trained', async () => {
    const here = folder()
    onTestFinished(here.remove)
    const base = { run: 'gainstream.main/gone,synthesis', settings: 'x', measure: 'contrastive', alpha: 0.5, groups: 1 }
    const trained = { ...base, base: null, prompts: ['another'], seed: 1, at: 0 }
    const linear = { features: ['place'], mean: [0], scale: [1], weights: [-1] }
    const { path } = await writeSelector(join(here.path, 's'), { name: 'last', encoder: null, linear, min_score: 99, trained }) // prettier-ignore
    const weights = await weightsIn(path)
    const stream = await aStream(passages, { set, reader: reader() })
    const asked = [question('a', 'Vienna', ['Danube'], 'nq')]
    const entry = await stream.run('synthesis', asked, ['imagine', 'retrieve', 'label'])
    const evaluated = await underConditions(stream.world, entry, ['selected', 'abstain'], never, { selector: weights })
    const results = asJson(entry.run, evaluated, await judge(stream.world, entry.run, evaluated))
    const identity = { name: 'last', sha256: weights.sha256 }
    expect(results[0]).toMatchObject({ selectors: [identity], abstained: 0, micro: { f1: { mean: 0 } } })
    expect(results[1]).toMatchObject({ selectors: [identity], abstained: 100 })
    const { queries } = await outcomesIn(stream.world, { stream: evaluated[0]!.stream, run: entry.run })
    const [{ passages: found } = { passages: [] }] = await stream.values(candidates)
    expect(queries.get('a')?.chosen?.rank).toBe(found.length)
    const { warnings } = await judge(stream.world, entry.run, evaluated)
    expect(warnings).toEqual(
      ['selector', 'selector, may abstain'].flatMap((name): unknown[] => [
        expect.stringMatching(`^${name}: answers were given under the prompt \\w+, and last was trained for another$`),
        `${name}: double gave the answers and measured the gains behind last: let a second reader judge`,
      ]),
    )
  })
})
