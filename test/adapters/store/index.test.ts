import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, onTestFinished, test, vi } from 'vitest'
import { savedAbout } from '../../../adapters/store/saved.ts'
import { buildIndex, openCollections, openStore } from '../../../adapters/store/index.ts'
import type { Near } from '../../../method/ports.ts'
import { generator } from '../../../method/random.ts'
import { row } from '../../contracts/store.ts'
import { encoder } from './encoder.ts'

const { signal } = new AbortController()
const identity = encoder({ dimension: 8 })
const folder = mkdtempSync(join(tmpdir(), 'index-'))
afterAll(() => rmSync(folder, { recursive: true }))

const random = generator('rows')
const vectorOf = () => Array.from({ length: 8 }, () => random(2000) / 1000 - 1)
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => row(`p${from + i}`, 'text', ...vectorOf()))
const ids = (list: readonly Near[]) => list.map(({ passage }) => passage.id)

const collections = async (place: string) => {
  const opened = await openCollections({ folder: join(folder, place), index: 'hnsw' })
  onTestFinished(() => opened.close())
  return opened
}
const building = { encoder: identity, state: 'building', corpus: null, loaded: 0, made_at: 1 } as const

test('a collection that is sealed has its whole index, which is told on the way, and is gone with it', async () => {
  const place = await collections('sealed')
  await place.create('one', building, signal)
  const store = await place.open('one', signal)
  await store.upsert(numbered(0, 5000), signal)
  await store.remove(['p10'], signal)
  await store.close()
  const told: (readonly [number, number])[] = []
  await place.seal('one', signal, (done, total) => told.push([done, total]))
  expect(told).toEqual([2048, 4096, 4999].map((done) => [done, 4999]))
  expect(savedAbout(join(folder, 'sealed', 'one.sqlite.hnsw'))).toMatchObject({ size: 4999, position: 5000 })
  expect((await place.find('one', signal))?.manifest.state).toBe('ready')
  await place.drop('one', signal)
  expect(readdirSync(join(folder, 'sealed')).filter((name) => name.startsWith('one'))).toEqual([])
})

test('an empty collection is sealed without an index', async () => {
  const place = await collections('empty')
  await place.create('none', building, signal)
  await place.seal('none', signal)
  expect(existsSync(join(folder, 'empty', 'none.sqlite.hnsw'))).toBe(false)
})

test('a store that is searched builds its index beside the searches, and saves it for the next one', async () => {
  const path = join(folder, 'searched.sqlite')
  const options = { path, encoder: identity } as const
  const writer = await openStore(options)
  await writer.upsert(numbered(0, 4000), signal)
  const store = await openStore({ ...options, index: 'hnsw' })
  const question = Float32Array.from(vectorOf())
  const exact = ids(await writer.near(question, 10, signal))
  expect(ids(await store.near(question, 10, signal))).toEqual(exact)
  await vi.waitFor(() => expect(savedAbout(`${path}.hnsw`)).toMatchObject({ size: 4000 }), 20_000)
  expect(ids(await store.near(question, 10, signal))[0]).toBe(exact[0])

  await writer.upsert([row('new', 'text', ...question.map((x) => 9 * x))], signal)
  await writer.remove([exact[0] ?? ''], signal)
  const next = ids(await store.near(question, 10, signal))
  expect([next[0], next.includes(exact[0] ?? '')]).toEqual(['new', false])
  await Promise.all([store.close(), writer.close()])
})

test('a store that is only written to builds no index', async () => {
  const path = join(folder, 'written.sqlite')
  const store = await openStore({ path, encoder: identity, index: 'hnsw' })
  await store.upsert(numbered(0, 4000), signal)
  await new Promise((resolve) => setTimeout(resolve, 1500))
  await store.close()
  expect(existsSync(`${path}.hnsw`)).toBe(false)
})

test('what was built already is not built again', async () => {
  const options = { path: join(folder, 'built.sqlite'), encoder: identity }
  const store = await openStore(options)
  await store.upsert(numbered(0, 3000), signal)
  await buildIndex(options, signal)
  const { mtimeMs } = statSync(`${options.path}.hnsw`)
  const told: number[] = []
  await buildIndex(options, signal, (done) => told.push(done))
  expect(told).toEqual([3000])
  expect(statSync(`${options.path}.hnsw`).mtimeMs).toBe(mtimeMs)
  await store.close()
})

test('of the ids that a store is asked for it names those that it holds', async () => {
  const store = await openStore({ path: join(folder, 'holds.sqlite'), encoder: identity })
  await store.upsert(numbered(0, 3), signal)
  await store.remove(['p1'], signal)
  expect(await store.holds?.(['p2', 'p1', 'p0', 'x'], signal)).toEqual(['p2', 'p0'])
  await store.close()
})

test('an index is built with all cores however long it takes', async () => {
  const options = { path: join(folder, 'long.sqlite'), encoder: identity }
  const store = await openStore(options)
  await store.upsert(numbered(0, 12_000), signal)
  const busy = setInterval(() => {
    // What the store does each second comes in between.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
  }, 1)
  onTestFinished(() => clearInterval(busy))
  await buildIndex(options, signal)
  expect(savedAbout(`${options.path}.hnsw`)).toMatchObject({ size: 12_000 })
  await store.close()
})
