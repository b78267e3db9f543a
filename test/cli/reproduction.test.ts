import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { planOf, typed, type Reproduction } from '../../cli/reproduction.ts'
import { folder, run } from './command.ts'

const where = folder()
afterAll(where.remove)
const of = (more: Partial<Reproduction> = {}): Reproduction => ({
  ...{ corpus: 'c.tsv', train: 'out/train.jsonl', evaluation: 'out/evaluation.jsonl', out: 'out', stream: 'main' },
  ...{ base: undefined, paper: false, filtered: false, reranker: undefined, evaluationK: undefined },
  ...{ allowOverlap: false, shared: ['--engine', 'kafka'] },
  ...more,
})

const commands = (more?: Partial<Reproduction>) => planOf(of(more)).map(({ argv }) => argv[0])

describe('the plan of a reproduction', () => {
  test('trains the light selector alone, and answers with it', () => {
    expect(commands()).toEqual(['index', 'synthesize', 'train', 'evaluate'])
    const answering = planOf(of()).at(-1)!
    expect(typed(answering)).toContain('--conditions none,first,selected,gain --selector out/light ')
  })

  test('with a base it trains a cross-encoder after it, and answers with that', () => {
    expect(commands({ base: 'some model' })).toEqual(['index', 'synthesize', 'train', 'train', 'evaluate'])
    const plan = planOf(of({ base: 'some model', reranker: 'plain' }))
    expect(typed(plan[3]!)).toContain("--base 'some model'")
    expect(typed(plan[4]!)).toContain('none,first,reranker,selected,gain --selector out/cross --reranker plain')
  })

  test('more candidates for the evaluation are another stream, whose settings differ', () => {
    const plan = planOf(of({ evaluationK: 100 }))
    expect(typed(plan[1]!)).toContain('--stream main ')
    expect(typed(plan.at(-1)!)).toContain('--stream main-k100 -k 100 ')
  })

  test("the paper's settings hold where queries are labelled and where they are answered", () => {
    const [, labelling, , answering] = planOf(of({ paper: true })).map(typed)
    expect(labelling).toContain('--set distil.filter=containment')
    expect(answering).toContain('--set distil.filter=containment')
  })

  test('every step takes the flags that all commands take', () => {
    for (const { argv } of planOf(of({ base: 'm' }))) expect(argv.slice(-2)).toEqual(['--engine', 'kafka'])
  })

  test('a selector that is there is not trained again', () => {
    const out = join(where.path, 'out')
    mkdirSync(join(out, 'light'), { recursive: true })
    writeFileSync(join(out, 'light/selector.json'), '{}')
    expect(planOf(of({ out })).map(({ done }) => done)).toEqual([false, false, true, false])
  })
})

describe('gainstream reproduce', () => {
  test('--plan prints the commands and does nothing', async () => {
    const args = ['reproduce', '--corpus', 'c.tsv', '--train', 'a.jsonl', 'b.jsonl', '--evaluation', 'e.jsonl']
    const { code, stdout } = await run([...args, '--out', 'out', '--plan'], { cwd: where.path })
    expect(code).toBe(0)
    expect(stdout.split('\n').map((line) => line.split(' ')[1])).toEqual(expect.arrayContaining(['index', 'evaluate']))
  })

  test('two queries with one id are refused before anything is made', async () => {
    const file = join(where.path, 'nq.jsonl')
    writeFileSync(file, '{"id": "q1", "question": "who?", "answers": ["he"]}\n')
    const args = ['reproduce', '--corpus', file, '--train', file, file, '--evaluation', file, '--out', 'out']
    const { code, stderr } = await run(args, { cwd: where.path })
    expect([code, stderr]).toEqual([1, expect.stringContaining('two queries have the id q1') as string])
  })
})
