/** A corpus becomes a collection: whole before it is searched, another one in its place while searches go on. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Collection } from '../../method/ports.ts'
import { serving } from '../adapters/embeddings/serving.ts'
import { simulatedEncoder } from '../faults/indexing/vectors.ts'
import { folder, launch, run } from './command.ts'

type Listed = Collection & { readonly count: number }

let where: ReturnType<typeof folder>
beforeEach(() => {
  where = folder()
})
afterEach(() => where.remove())

const at = () => ({ cwd: where.path })
const lines = (name: string, some: readonly object[]) => {
  const path = join(where.path, name)
  writeFileSync(path, some.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return path
}
const corpus = (name: string, n: number, about: string) =>
  lines(
    name,
    Array.from({ length: n }, (_, i) => ({
      id: `${i}`,
      title: `Entry ${i}`,
      text: `${about} number ${i}. `.repeat(12),
    })),
  )
const listed = async (): Promise<Listed[]> => {
  const { stdout } = await run(['collections', '--json'], at())
  return stdout === '' ? [] : (JSON.parse(stdout) as Listed[])
}
const current = async () => (await listed()).filter((one) => one.current).map(({ name, count }) => [name, count])
/** As a store that has acknowledged them and was killed, before the collection was whole. */
const lose = (name: string, ids: readonly string[]) => {
  const place = join(where.path, '.gainstream/passages/gainstream_passages')
  const rows = new DatabaseSync(join(place, `${name}.sqlite`))
  for (const id of ids) rows.prepare('DELETE FROM passages WHERE id = ?').run(id)
  rows.close()
  const notes = new DatabaseSync(join(place, 'collections.sqlite'))
  notes.exec(`UPDATE collections SET current = 0, manifest = json_set(manifest, '$.state', 'building')`)
  notes.close()
}
const ok = async (...args: string[]) => {
  const ended = await run(args, at())
  expect(ended).toMatchObject({ code: 0 })
  return ended
}

describe('indexing', () => {
  test('the first corpus is built as a collection of its own, the next one is added to it', async () => {
    await ok('index', corpus('one.jsonl', 5, 'A river'), '--run', 'one')
    expect(await current()).toEqual([['gainstream_passages__one', 5]])
    const more = lines('two.jsonl', [{ id: 'x', title: '', text: 'A mountain.' }])
    await ok('index', more, '--run', 'two')
    expect(await listed()).toMatchObject([{ name: 'gainstream_passages__one', count: 6, current: true }])
  })

  test('anew is built aside and takes its place when it is whole; the one before stays, to go back to', async () => {
    await ok('index', corpus('one.jsonl', 5, 'A river'), '--run', 'one')
    await ok('index', corpus('two.jsonl', 7, 'A mountain'), '--run', 'two', '--anew')
    expect(await current()).toEqual([['gainstream_passages__two', 7]])
    expect((await listed()).map(({ name, count }) => [name, count])).toContainEqual(['gainstream_passages__one', 5])
    await ok('collections', 'promote', 'gainstream_passages__one')
    expect(await current()).toEqual([['gainstream_passages__one', 5]])
    const refused = await run(['collections', 'drop', 'gainstream_passages__one'], at())
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('is the current one') as string })
    await ok('collections', 'drop', 'gainstream_passages__two')
    expect(await listed()).toHaveLength(1)
  })

  test('with --no-promote it takes no place by itself, and the same command again does not change that', async () => {
    await ok('index', corpus('one.jsonl', 3, 'A river'), '--run', 'one')
    const path = corpus('two.jsonl', 4, 'A mountain')
    const flags = ['--run', 'two', '--anew', '--no-promote']
    const { stdout } = await ok('index', path, ...flags)
    expect(stdout).toMatch(
      /4 in gainstream_passages__two, which is not the current one: gainstream collections promote/,
    )
    await ok('index', path, '--run', 'two', '--anew')
    expect(await current()).toEqual([['gainstream_passages__one', 3]])
  })

  test('half a corpus is searched by nobody, and the same command again makes it whole', async () => {
    const path = corpus('long.jsonl', 400, 'A river')
    const { child, ended } = launch(['index', path, '--run', 'long'], at())
    await expect.poll(async () => (await listed())[0]?.count ?? 0, { timeout: 40_000, interval: 50 }).toBeGreaterThan(0)
    child.kill('SIGKILL')
    await ended
    const [half] = await listed()
    expect(half).toMatchObject({ current: false, manifest: { state: 'building', corpus: { count: 400 } } })
    const queries = lines('queries.jsonl', [{ id: 'q', question: 'Which river?', answers: ['A river'] }])
    const refused = await run(['synthesize', queries], at())
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('is still being built') as string })
    await ok('index', path, '--run', 'long')
    expect(await current()).toEqual([['gainstream_passages__long', 400]])
  })

  test('what a store took and lost is found before the collection is searched, and put in again', async () => {
    const path = corpus('one.jsonl', 40, 'A river')
    await ok('index', path, '--run', 'one')
    lose('gainstream_passages__one', ['3', '17'])
    const { stderr } = await ok('index', path, '--run', 'one')
    expect(stderr).toContain('2 passages that the store had taken were not in it, and were put in again')
    expect(await current()).toEqual([['gainstream_passages__one', 40]])
  })

  test('what was rejected is named with what puts it in, and does not keep what was lost from being put in again', async () => {
    const encoder = await serving({
      ...{ embedder: simulatedEncoder, models: ['simulated'], words: 50, refuses: ['truncate_prompt_tokens'] },
    })
    onTestFinished(() => encoder.stop())
    const texts = ['far too long '.repeat(40), ...Array.from({ length: 9 }, (_, i) => `A river number ${i}.`)]
    const path = lines(
      'some.jsonl',
      texts.map((text, i) => ({ id: `${i}`, title: 'Rivers', text })),
    )
    const set = ['encoder.engine=server', `encoder.urls=${encoder.url}`].flatMap((one) => ['--set', one])
    const first = await ok('index', path, '--run', 'some', ...set)
    expect(first.stderr).toMatch(
      /1 were rejected and are not in the store: gainstream rejects list --run some says why; .*rejects retry --run some --execute/,
    )
    expect(await current()).toEqual([['gainstream_passages__some', 9]])
    lose('gainstream_passages__some', ['3'])
    const { stderr } = await ok('index', path, '--run', 'some', ...set)
    expect(stderr).toContain('1 passages that the store had taken were not in it, and were put in again')
    expect(await current()).toEqual([['gainstream_passages__some', 9]])
  })
})
