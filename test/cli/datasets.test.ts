import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { presets, sampledKind, sampleOf, splitOf } from '../../cli/datasets.ts'
import { queryFile, survey } from '../../cli/import.ts'
import { stratified } from '../../method/stratified.ts'
import { folder, run } from './command.ts'
import { io } from './replaying.ts'

const here = folder()
afterAll(here.remove)

const queries = Array.from({ length: 100 }, (_, i) => ({
  ...{ id: `q${i}`, question: `question ${i}?`, answers: [`answer ${i}`], dataset: i % 4 === 0 ? 'nq' : 'squad' },
}))
const path = join(here.path, 'queries.jsonl')
const text = queries.map((query) => `${JSON.stringify(query)}\n`).join('')
writeFileSync(path, text)
const { signal } = new AbortController()

describe('a sample of queries', () => {
  test('has of every dataset its share, and is the same whatever the order of the file', () => {
    const drawn = stratified(queries, 20, '1')
    expect(drawn).toHaveLength(20)
    expect(drawn.filter((id) => Number(id.slice(1)) % 4 === 0)).toHaveLength(5)
    expect(new Set(stratified([...queries].reverse(), 20, '1'))).toEqual(new Set(drawn))
    expect(drawn.map((id) => Number(id.slice(1)))).toEqual(drawn.map((id) => Number(id.slice(1))).sort((a, b) => a - b))
  })

  test('is another one for another seed, grows by what is drawn more, and is all where there is no more', () => {
    const [few, more] = [stratified(queries, 20, '1'), stratified(queries, 40, '1')]
    expect(new Set(stratified(queries, 20, '2'))).not.toEqual(new Set(few))
    expect(few.every((id) => more.includes(id))).toBe(true)
    expect(stratified(queries, 1000, '1')).toHaveLength(100)
    expect(stratified(queries, 3, '1')).toHaveLength(3)
    expect(stratified([], 3, '1')).toEqual([])
  })

  test('alone enters a run, whose source says the hash of the file, the number and the seed', async () => {
    const kind = queryFile(undefined)
    const sample = await sampleOf(path, kind, (query) => query, { n: 20, seed: 'x y' }, signal)
    const own = sampledKind(kind, (query) => query, sample)
    const read: string[] = []
    for await (const { value } of own.read(path)) read.push(value.id)
    expect(read).toEqual(sample.ids)
    const found = await survey({ path, kind: own, run: undefined, topology: 'finding' }, io())
    expect(found.count).toBe(20)
    const sha256 = createHash('sha256').update(text).digest('hex')
    expect(found.sha256).toBe(`${sha256}-sample%3D20%20seed%3Dx%20y`)
  })
})

describe('the datasets of the paper', () => {
  test('are six, each with a split to evaluate on, where its file comes from, and no checksum', () => {
    expect(presets.map(({ name }) => name)).toEqual(['hotpotqa', '2wikimultihopqa', 'webquestions', 'nq', 'triviaqa', 'squad']) // prettier-ignore
    for (const { splits, project, paper } of presets) {
      expect(splits.filter(({ evaluation }) => evaluation)).toHaveLength(1)
      expect(project).toMatch(/^https:/)
      expect(paper).toContain('which queries were taken is not published')
    }
    expect(JSON.stringify(presets)).not.toMatch(/[0-9a-f]{32}/)
  })

  test('are known by name and size', () => {
    expect(splitOf('nq', 3610)).toBe('as many as Natural Questions (open) dev has')
    expect(splitOf('nq', 200)).toContain('a part, or another version, of Natural Questions (open)')
    expect(splitOf('mine', 3610)).toBe('not a dataset of the paper')
  })

  test('are listed by the command, which looks into a file and lists what a sample would draw', async () => {
    const listed = await run(['datasets'], { cwd: here.path })
    for (const { name, project } of presets) for (const each of [name, project]) expect(listed.stdout).toContain(each)
    const looked = await run(['datasets', 'look', path, '--sample', '20', '--json'], { cwd: here.path })
    expect(JSON.parse(looked.stdout)).toMatchObject({
      sha256: createHash('sha256').update(text).digest('hex'),
      datasets: [
        { dataset: 'nq', queries: 25, with_answers: 25, with_gold_passages: 0 },
        { dataset: 'squad', queries: 75 },
      ],
      sample: { n: 20, seed: '1', of: 100, ids: stratified(queries, 20, '1') },
    })
    const absent = await run(['datasets', 'look', 'nowhere.jsonl'], { cwd: here.path })
    expect(absent).toMatchObject({ code: 1, stderr: expect.stringMatching(/^gainstream: nowhere\.jsonl/) as string })
  })
})
