/** Candidates that somebody else's search found: labelled and answered from, and nothing is retrieved. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { folder, run } from './command.ts'

const where = folder()
afterAll(() => where.remove())

const passage = (id: string, text: string, score: string) => ({ id, title: 'Title', text, score, has_answer: false })
/** As DPR writes its results: scores are texts. */
const results = [
  {
    question: 'Which river flows through Vienna?',
    answers: ['Danube'],
    ctxs: [
      passage('b', 'Bread is made of flour.', '9.5'),
      passage('d', 'The Danube flows through Vienna.', '8.25'),
      passage('v', 'Violins have four strings.', '1'),
    ],
  },
  {
    question: 'How many strings has a violin?',
    answers: ['four'],
    ctxs: [passage('v', 'Violins have four strings.', '3'), passage('b', 'Bread is made of flour.', '2')],
  },
]
const file = join(where.path, 'results.json')
beforeAll(() => writeFileSync(file, JSON.stringify(results)))

const given = async (...args: string[]) => {
  const ended = await run([...args, '--json', '--set', 'distil.filter=off'], { cwd: where.path })
  expect(ended).toMatchObject({ code: 0 })
  return JSON.parse(ended.stdout) as Record<string, unknown>
}

describe('a file of queries with candidates', () => {
  test('is labelled as it is, without any corpus', async () => {
    const result = await given('synthesize', file, '--with-candidates', '--run', 'mine')
    expect(result).toMatchObject({ queries: 2, kept: 2, rejected: 0, complete: true, passages_labelled: 5 })
    const again = await given('synthesize', file, '--with-candidates', '--run', 'mine')
    expect(again).toEqual(result)
  }, 120_000)

  test('is answered from under every condition, and its run is complete with its last record', async () => {
    const result = await given('evaluate', file, '--with-candidates', '--conditions', 'none,first', '--run', 'eval')
    expect(JSON.stringify(result)).toContain('"first"')
    const { stdout } = await run(['runs', '--json'], { cwd: where.path })
    const runs = JSON.parse(stdout) as { run: string; stream: string; complete: boolean }[]
    expect(runs.find(({ run, stream }) => run === 'eval' && stream === 'main')).toMatchObject({ complete: true })
    const recounted = await run(['runs', '--recount', '--json'], { cwd: where.path })
    expect(recounted).toMatchObject({ code: 0 })
  }, 120_000)

  test('without passages is refused with the place', async () => {
    const bad = join(where.path, 'bad.jsonl')
    writeFileSync(bad, '{"question": "Which river?", "answers": ["Danube"]}\n')
    const { code, stderr } = await run(['synthesize', bad, '--with-candidates'], { cwd: where.path })
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/bad\.jsonl line 1: there is no list of passages/) as string,
    ])
  })
})
