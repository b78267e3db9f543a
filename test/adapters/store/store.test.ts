import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, expect, test } from 'vitest'
import { openStore } from '../../../adapters/store/index.ts'
import type { EmbedderIdentity, Near, PassageStore } from '../../../method/ports.ts'
import { row } from '../../contracts/store.ts'
import { encoder } from './encoder.ts'

const { signal } = new AbortController()
const folder = mkdtempSync(join(tmpdir(), 'store-'))
afterAll(() => rmSync(folder, { recursive: true }))

const opened: PassageStore[] = []
const open = async (name: string, identity: EmbedderIdentity = encoder()) => {
  const store = await openStore({ path: join(folder, name), encoder: identity })
  opened.push(store)
  return store
}
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

const ids = (list: readonly Near[]) => list.map(({ passage }) => passage.id)
const numbered = (from: number, to: number, text = 'word') =>
  Array.from({ length: to - from }, (_, i) => row(`p${from + i}`, `${text} number${from + i}`, from + i, 1, 0))

test('a search sees what another process wrote and removed, at once', async () => {
  const [here, there] = [await open('two.sqlite'), await open('two.sqlite')]
  await here.match('anything', 1, signal)
  await there.upsert(numbered(0, 3), signal)
  expect(ids(await here.near(Float32Array.of(1, 0, 0), 9, signal))).toEqual(['p2', 'p1', 'p0'])
  await there.remove(['p2'], signal)
  await there.upsert([row('p0', 'another text', 9, 1, 0)], signal)
  expect(ids(await here.near(Float32Array.of(1, 0, 0), 9, signal))).toEqual(['p0', 'p1'])
  expect(ids(await here.match('number0 number1 number2 another', 9, signal))).toEqual(['p0', 'p1'])
  expect(await here.count()).toBe(2)
})

test('two processes that create the same file at once both get it', async () => {
  const stores = await Promise.all(Array.from({ length: 4 }, () => open('race.sqlite')))
  await Promise.all(stores.map((store, i) => store.upsert(numbered(i * 50, i * 50 + 50), signal)))
  expect(await Promise.all(stores.map((store) => store.count()))).toEqual([200, 200, 200, 200])
})

test('what was acknowledged before kill -9 is all there, and written again it is there once', async () => {
  let acknowledged = 0
  for (let round = 0; round < 4; round++) {
    const first = Math.max(0, acknowledged - 50) // the last fifty are written a second time
    const said = await killed('killed.sqlite', first, 100 + round * 90)
    acknowledged = Math.max(acknowledged, said)
  }
  const store = await open('killed.sqlite')
  const found = await store.near(Float32Array.of(1, 0, 0), 1_000_000, signal)
  const numbers = found.map(({ passage }) => Number(passage.id.slice(1))).toSorted((a, b) => a - b)
  expect(acknowledged).toBeGreaterThan(0)
  expect(numbers.length).toBeGreaterThanOrEqual(acknowledged)
  expect(numbers).toEqual(numbers.map((_, i) => i))
  expect(await store.count()).toBe(numbers.length)
})

/** Runs a writer, kills it a while after its first word, and returns the number it had reached by its own word. */
const killed = (name: string, first: number, milliseconds: number) =>
  new Promise<number>((resolve) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'writer.ts'), join(folder, name), String(first)])
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
    child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), milliseconds))
    child.on('close', () => resolve(Math.max(0, ...said.split('\n').slice(0, -1).map(Number))))
  })

test('rows of removed passages are pruned at opening, and a store that had not heard of them still forgets them', async () => {
  const late = await open('pruned.sqlite')
  const writer = await open('pruned.sqlite')
  await writer.upsert(numbered(0, 2000), signal)
  expect(await late.count()).toBe(2000)
  await writer.remove(
    numbered(0, 1500).map(({ passage }) => passage.id),
    signal,
  )
  const again = await open('pruned.sqlite')
  expect(await again.count()).toBe(500)
  const rows = new DatabaseSync(join(folder, 'pruned.sqlite')).prepare('SELECT count(*) n FROM passages').get()
  expect(rows).toEqual({ n: 500 })
  expect(await late.count()).toBe(500)
  expect(ids(await late.match('number3 number1700', 9, signal))).toEqual(['p1700'])
})

test('passages that are replaced over and over are found by their last text only', async () => {
  const store = await open('over.sqlite')
  for (const text of ['first', 'second', 'third', 'fourth']) {
    await store.upsert(numbered(0, 800, text), signal)
    expect(await store.match(text, 5000, signal)).toHaveLength(800)
  }
  expect(await store.match('third', 5000, signal)).toEqual([])
  expect(await store.near(Float32Array.of(1, 0, 0), 5000, signal)).toHaveLength(800)
})

test("another encoder's vectors are refused with a sentence that names both", async () => {
  await open('mine.sqlite')
  await expect(open('mine.sqlite', encoder({ model: 'larger', dimension: 768 }))).rejects.toMatchObject({
    name: 'Fatal',
    message: expect.stringMatching(
      /mine\.sqlite holds vectors of three-numbers .*3 numbers.* but the encoder in use is larger .*768/,
    ) as string,
  })
  await expect(open('mine.sqlite', encoder({ revision: 'f'.repeat(64) }))).rejects.toMatchObject({ name: 'Fatal' })
})

test('a file that is no passage store is refused with a sentence, and stays as it was', async () => {
  writeFileSync(join(folder, 'text.sqlite'), 'these are only words, and many of them '.repeat(200))
  const foreign = new DatabaseSync(join(folder, 'foreign.sqlite'))
  foreign.exec('CREATE TABLE mine (x); INSERT INTO mine VALUES (1)')
  foreign.close()
  const bytes = () => ['text.sqlite', 'foreign.sqlite'].map((name) => readFileSync(join(folder, name)))
  const before = bytes()
  await expect(open('text.sqlite')).rejects.toMatchObject({
    name: 'Fatal',
    message: expect.stringMatching(/text\.sqlite cannot be opened as a passage store/) as string,
  })
  await expect(open('foreign.sqlite')).rejects.toMatchObject({
    name: 'Fatal',
    message: expect.stringMatching(/foreign\.sqlite is a database of another program/) as string,
  })
  expect(bytes()).toEqual(before)
})

test('a place where no file can be is refused with a sentence', async () => {
  await expect(openStore({ path: folder, encoder: encoder() })).rejects.toMatchObject({ name: 'Fatal' })
  writeFileSync(join(folder, 'plain'), 'a file')
  await expect(open(join('plain', 'store.sqlite'))).rejects.toMatchObject({
    name: 'Fatal',
    message: expect.stringMatching(/the folder of the passage store .*plain.store\.sqlite cannot be made/) as string,
  })
})

test('of a call that fails in the middle nothing is kept, and the store goes on', async () => {
  const store = await open('half.sqlite')
  await store.upsert(numbered(0, 10), signal)
  const other = new DatabaseSync(join(folder, 'half.sqlite'))
  other.exec("CREATE TRIGGER t BEFORE INSERT ON passages WHEN new.id = 'p12' BEGIN SELECT RAISE(ABORT, 'no'); END")
  other.close()
  await expect(store.upsert(numbered(10, 20), signal)).rejects.toThrow('no')
  expect(await store.count()).toBe(10)
  await store.upsert([row('after', 'still works', 1, 1, 1)], signal)
  expect(await store.count()).toBe(11)
})
