import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { folder, run } from './command.ts'

const here = folder()
afterAll(here.remove)

const rows = [
  { dataset: 'rivers', prediction: 'The Thames', answers: ['Thames'] }, // 1 1 1 1
  { dataset: 'rivers', prediction: 'Thames river', answers: ['Thames'] }, // 0 1 1 2/3: one word of two, one of one
  { dataset: 'rivers', prediction: 'Severnside', answers: ['Severn'] }, // 0 0 1 0
  { dataset: 'doubts', prediction: '', answers: ['x'] }, // 0 0 0 0
  { dataset: 'doubts', prediction: 'Yes, it is.', answers: ['no', 'yes'] }, // 0 1 1 1/2
]

const graded = async (name: string, lines: readonly object[], ...flags: string[]) => {
  writeFileSync(join(here.path, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const { code, stdout, stderr } = await run(['grade', name, ...flags], { cwd: here.path })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

const json = async (name: string, lines: readonly object[]) =>
  JSON.parse(await graded(name, lines, '--json')) as Record<string, Record<string, unknown>>

const names = ['strict_em', 'boundary_em', 'containment_em', 'f1'] as const

/** n and the four figures ×100; the intervals are looked at apart. */
const figures = (n: number, ...values: number[]) => ({
  n,
  ...Object.fromEntries(names.map((name, i): [string, unknown] => [name, expect.closeTo(values[i]!, 9)])),
  ...Object.fromEntries(names.map((name) => [`${name}_interval`, [expect.any(Number), expect.any(Number)]])),
})

const means = ({ strict_em, boundary_em, containment_em, f1 }: Record<string, unknown>) =>
  [strict_em, boundary_em, containment_em, f1] as number[]

describe('grade', () => {
  test('gives the figures that one counts by hand, ×100, in exactly this shape', async () => {
    const result = await json('rows.jsonl', rows)
    expect(result).toEqual({
      overall: figures(5, 20, 60, 80, (100 * (1 + 2 / 3 + 1 / 2)) / 5),
      macro: figures(5, 100 / 6, (200 / 3 + 50) / 2, 75, ((100 * 5) / 9 + 25) / 2),
      datasets: {
        rivers: figures(3, 100 / 3, 200 / 3, 100, (100 * 5) / 9),
        doubts: figures(2, 0, 50, 50, 25),
      },
    })
  })

  test('puts each mean inside its interval, and no interval around what does not vary', async () => {
    const { overall, macro, datasets } = await json('rows.jsonl', rows)
    const scopes = [overall!, macro!, ...Object.values(datasets as Record<string, Record<string, unknown>>)]
    for (const scope of scopes)
      for (const [i, name] of names.entries()) {
        const [low, high] = scope[`${name}_interval`] as [number, number]
        expect(low).toBeLessThanOrEqual(means(scope)[i]!)
        expect(high).toBeGreaterThanOrEqual(means(scope)[i]!)
        expect([low >= 0, high <= 100]).toEqual([true, true])
      }
    const { rivers, doubts } = datasets as Record<string, Record<string, unknown>>
    expect(rivers!.containment_em_interval).toEqual([100, 100])
    expect(doubts!.strict_em_interval).toEqual([0, 0])
    // Two values, 0 and 1: one resample in four is all 0, one in four all 1.
    expect(doubts!.boundary_em_interval).toEqual([0, 100])
  })

  test('gives the same figures and intervals in any order of the lines', async () => {
    expect(await json('reversed.jsonl', rows.toReversed())).toEqual(await json('rows.jsonl', rows))
  })

  test('counts lines without golds apart and grades them nowhere', async () => {
    const result = await json('live.jsonl', [...rows, { prediction: 'who knows', answers: [] }])
    expect(result).toEqual({ ...(await json('rows.jsonl', rows)), ungraded: 1 })
  })

  test('shows people a table with one line for each scope', async () => {
    const lines = (await graded('rows.jsonl', rows)).trimEnd().split('\n')
    expect(lines.map((line) => line.split(/\s{2,}/)[0])).toEqual([
      '',
      'overall',
      'macro',
      'doubts',
      'rivers',
      '(×100, with 95 % bootstrap intervals)',
    ])
    expect(lines[1]).toMatch(/^overall {2}5 +20\.00 \[0\.00, 60\.00\] +60\.00 \[/)
  })
})
