import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Compare } from '../../cli/compare/comparison.ts'
import { compareText } from '../../cli/compare/document.ts'
import { compared } from '../../cli/commands/compare.ts'
import { underConditions } from '../../cli/commands/evaluate.ts'
import { work } from '../../cli/work.ts'
import { derive } from '../../cli/conditions.ts'
import { run } from './command.ts'
import { aStream, never, reader } from '../traps/stream.ts'

const passages = [
  { id: 'p1', title: 'Danube', text: 'The Danube flows through Vienna.' },
  { id: 'p2', title: 'Rhine', text: 'The Rhine flows through Cologne.' },
  { id: 'p3', title: 'Thames', text: 'The Thames flows through London, and this text is longer than the others are.' },
]
const queries = [
  { id: 'a', question: 'Which river flows through Vienna?', answers: ['Danube'], dataset: 'nq', gold_passage_ids: ['p1'] },
  { id: 'b', question: 'Which river flows through Cologne?', answers: ['Rhine'], dataset: 'nq', gold_passage_ids: ['p2'] },
  { id: 'c', question: 'Which river flows through London?', answers: ['Thames'], dataset: 'squad' },
] // prettier-ignore

/** By meaning the longest text is always the first, by words the right one is. */
const twoRuns = async () => {
  const stream = await aStream(passages, { set: { 'retrieve.mode': 'fused', 'retrieve.k': 3 }, reader: reader() })
  const entry = await stream.run('synthesis', queries, ['imagine', 'retrieve'])
  await underConditions(stream.world, entry, ['dense', 'bm25'], never)
  return { world: stream.world, run: entry.run, entry }
}

describe('two runs', () => {
  test('are compared by what both graded: won, lost, tied and the difference, by dataset and over all', async () => {
    const { world, run } = await twoRuns()
    const result = await compared(world, `main-dense/${run}`, `main-bm25/${run}`, 20)
    expect(result.queries).toEqual({ both: 3, only_a: 0, only_b: 0, same_passage: 1, changed: 2 })
    const { f1, hit, has_answer } = result.figures
    expect(f1!.micro).toMatchObject({ n: 3, won: 2, lost: 0, tied: 1, b: 100, a: expect.closeTo(100 / 3) as number })
    expect(f1!.micro.difference.mean).toBeCloseTo(200 / 3)
    expect(f1!.macro).toMatchObject({ n: 3, a: 50, b: 100, difference: { mean: 50 } })
    expect(f1!.datasets).toMatchObject({ nq: { won: 2, tied: 0 }, squad: { won: 0, tied: 1 } })
    expect(hit!.micro).toMatchObject({ n: 2, won: 2 })
    expect(has_answer!.micro).toMatchObject({ n: 3, won: 2, tied: 1 })
    const back = await compared(world, `main-bm25/${run}`, `main-dense/${run}`, 20)
    expect(back.figures.f1!.micro).toMatchObject({ won: 0, lost: 2, difference: { mean: -f1!.micro.difference.mean } })
  })

  test('list the queries that came out otherwise, with both passages and both answers', async () => {
    const { world, run } = await twoRuns()
    const { changed } = await compared(world, `main-dense/${run}`, `main-bm25/${run}`, 20)
    expect(changed.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(changed[0]).toMatchObject({
      question: 'Which river flows through Vienna?',
      a: { chosen: { id: 'p3', title: 'Thames', source: 'retrieved' }, prediction: 'Thames' },
      b: { chosen: { id: 'p1', title: 'Danube', source: 'retrieved' }, prediction: 'Danube', grades: { f1: 1 } },
    })
    const few = await compared(world, 'main-dense', 'main-bm25', 1) // the run that both have
    expect([few.changed.length, few.queries.changed]).toEqual([1, 2])
    const text = compareText(few)
    expect(text).toMatch(/^F1 +macro +3 +50\.0 +100\.0 +- +- +- +\+50\.0 \[/m)
    expect(text).toMatch(/^ {2}A {2}p3 “Thames”, retrieved, rank \d → Thames {2}\[/m)
    expect(text).toContain('1 of 2 that came out otherwise:')
  })

  test('that only chose are compared by their passages alone, and it is said so', async () => {
    const { world, entry } = await twoRuns()
    const { world: only } = await derive(world, entry, 'first', {}, never)
    await work(only, { stages: ['select'], what: 'selecting', untilEmpty: true }, never)
    const result = await compared(world, 'main-first', 'main-bm25', 20)
    expect(result.figures.f1).toBeNull()
    expect(result.figures.hit!.micro.n).toBe(2)
    expect(result.a.readers).toEqual([])
    expect(result.warnings).toContain(
      `main-first/${entry.run} chose passages without answering: only hit@1 and has-answer can be compared`,
    )
  })

  test('that are not there, have no outcome or are the same are refused with what there is', async () => {
    const { world, run, entry } = await twoRuns()
    const refused = (a: string, b: string) => expect(compared(world, a, b, 1)).rejects
    await refused('main-dense/nobody', 'main-bm25').toThrow(
      `there is no run nobody of this kind in stream main-dense: it has ${run}`,
    )
    await refused('nowhere', 'main-bm25').toThrow('there is no stream nowhere with such a run')
    await refused('main-bm25', 'main-bm25').toThrow('main-bm25 and main-bm25 are the same run')
    await derive(world, entry, 'none', {}, never)
    await refused('main-none', 'main-bm25').toThrow('has chosen no passage yet')
  })

  test('are compared by the command, whose report holds the figures that it says', async () => {
    const { world } = await twoRuns()
    const { data } = world.config
    const report = join(data, 'report.html')
    const args = ['compare', 'main-dense', 'main-bm25', '--data', data, '--out', report, '--json']
    const { code, stdout } = await run(args, { cwd: data })
    expect(code).toBe(0)
    const { figures } = JSON.parse(stdout) as Compare
    const said = new Set([...readFileSync(report, 'utf8').matchAll(/<data value="([^"]+)">/g)].map(([, value]) => Number(value))) // prettier-ignore
    for (const found of Object.values(figures))
      for (const { a, b, difference } of found ? [found.micro, found.macro, ...Object.values(found.datasets)] : [])
        for (const value of [a, b, difference.mean, ...difference.interval]) expect(said).toContain(value)
  })
})
