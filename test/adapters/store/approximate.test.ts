import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { approximate } from '../../../adapters/store/approximate.ts'
import { openFile } from '../../../adapters/store/file.ts'
import { graphs, type Graph } from '../../../adapters/store/graph.ts'
import { hold } from '../../../adapters/store/held.ts'
import { generator } from '../../../method/random.ts'
import { row } from '../../contracts/store.ts'
import { encoder } from './encoder.ts'

const dimension = 16
const folder = mkdtempSync(join(tmpdir(), 'graph-'))
afterAll(() => rmSync(folder, { recursive: true }))

const random = generator('vectors')
/** Around one of a few centres, as embeddings are. */
const vectorOf = (n: number) => {
  const centre = generator(`centre ${n % 20}`)
  return Array.from({ length: dimension }, () => centre(1000) / 500 - 1 + random(1000) / 1000)
}
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => row(`p${from + i}`, 'text', ...vectorOf(from + i)))
const asked = Array.from({ length: 20 }, (_, n) => Float32Array.from(vectorOf(n)))

/** A store with an index, in this thread; `given` says how often the graph was asked and how much went into it. */
const open = (name: string) => {
  const path = join(folder, `${name}.sqlite`)
  const file = openFile(path, encoder({ dimension }))
  const given = { asked: 0, added: 0 }
  const counted = (graph: Graph): Graph => ({
    ...graph,
    near: (...all) => (given.asked++, graph.near(...all)),
    add: (keys, ...rest) => ((given.added += keys.length), graph.add(keys, ...rest)),
  })
  const make = graphs(dimension, 2)
  const saved = `${path}.hnsw`
  const index = approximate({ path: saved, store: file.own(), dimension, make: () => counted(make()) })
  const held = hold(file, dimension, index)
  const plain = hold(file, dimension)
  const read = () => file.reading(() => [held.catchUp(), plain.catchUp()])
  read()
  index.begin(held.rows(), file.last())
  return {
    ...{ path, saved, file, given, index, held },
    read,
    grow: () => {
      read()
      while (index.behind(held.rows()) > 0) index.grow(held.rows(), 500)
    },
    /** Share of the truly nearest that are found; what is found is in order and has its true score. */
    recall(k: number) {
      read()
      let hits = 0
      for (const vector of asked) {
        const [found, exact] = [held.near(vector, k), plain.near(vector, k)]
        const products = new Map(plain.near(vector, 1e6).map(({ slot, score }) => [plain.changeAt(slot), score]))
        expect(found).toHaveLength(exact.length)
        expect(found.map(({ slot }) => products.get(held.changeAt(slot)))).toEqual(found.map(({ score }) => score))
        expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).toSorted((a, b) => b - a))
        const wanted = new Set(exact.map(({ slot }) => plain.changeAt(slot)))
        hits += found.filter(({ slot }) => wanted.has(held.changeAt(slot))).length / k
      }
      return hits / asked.length
    },
    close: () => file.close(),
  }
}

describe('the index of a store', () => {
  test('finds nearly all that is nearest, with exact scores', () => {
    const store = open('nearest')
    store.file.upsert(numbered(0, 6000))
    store.grow()
    expect(store.recall(20)).toBeGreaterThan(0.95)
    expect(store.given).toEqual({ asked: asked.length, added: 6000 })
    store.close()
  })

  test('is not asked where few are there, nor for a large part of all', () => {
    const store = open('few')
    store.file.upsert(numbered(0, 1000))
    store.grow()
    expect([store.recall(5), store.recall(1000)]).toEqual([1, 1])
    expect(store.given.asked).toBe(0)
    store.close()
  })

  test('may lag behind: what is new is found at once, what was replaced or removed never again', () => {
    const store = open('behind')
    store.file.upsert(numbered(0, 4000))
    store.grow()
    store.file.upsert(numbered(3900, 4300)) // a hundred of them anew
    store.file.remove(Array.from({ length: 1000 }, (_, i) => `p${i}`))
    expect(store.recall(20)).toBeGreaterThan(0.95)
    expect(store.given).toMatchObject({ asked: asked.length, added: 4000 })
    store.grow()
    expect(store.recall(20)).toBeGreaterThan(0.95)
    expect(store.given).toMatchObject({ asked: 2 * asked.length, added: 4400 })
    store.close()
  })

  test('is made anew when most of what it holds is gone', () => {
    const store = open('gone')
    store.file.upsert(numbered(0, 5000))
    store.grow()
    store.file.remove(Array.from({ length: 3100 }, (_, i) => `p${i}`))
    store.file.upsert(numbered(5000, 5001))
    store.grow()
    expect(store.given.added).toBe(5000 + 1901)
    expect(store.recall(5)).toBeGreaterThan(0.95)
    store.close()
  })
})

describe('a saved index', () => {
  const saved = (name: string) => {
    const store = open(name)
    store.file.upsert(numbered(0, 3000))
    store.grow()
    store.index.save()
    return store
  }

  test('is read again, with what was written and removed since', () => {
    const before = saved('again')
    before.file.upsert(numbered(2990, 3100))
    before.file.remove(['p7'])
    before.close()
    const after = open('again')
    expect(after.index.behind(after.held.rows())).toBe(110)
    expect(after.recall(20)).toBeGreaterThan(0.95)
    after.grow()
    expect(after.recall(20)).toBeGreaterThan(0.95)
    expect(after.given).toEqual({ asked: 2 * asked.length, added: 110 })
    expect(readdirSync(folder).filter((name) => name.startsWith('again.sqlite.hnsw'))).toEqual(['again.sqlite.hnsw'])
    after.close()
  })

  test('does not take the place of a newer one of another process', () => {
    const [late, early] = [saved('newer'), open('newer')]
    late.file.upsert(numbered(3000, 3200))
    late.grow()
    late.index.save()
    const newest = readFileSync(late.saved)
    early.grow()
    expect(early.index.unsaved()).toBe(200)
    early.index.save()
    expect(readFileSync(late.saved).equals(newest)).toBe(true)
    late.close()
    early.close()
  })

  const harms: readonly (readonly [string, (path: string) => void])[] = [
    ['a cut-off', (path) => truncateSync(path, readFileSync(path).length >> 1)],
    ['an emptied', (path) => truncateSync(path, 0)],
    ['a longer', (path) => appendFileSync(path, 'more')],
    [
      'a changed',
      (path) => {
        const bytes = readFileSync(path)
        bytes[5000] = (bytes[5000] ?? 0) ^ 1
        writeFileSync(path, bytes)
      },
    ],
    ['a foreign', (path) => writeFileSync(path, 'no index at all '.repeat(100))],
  ]
  test.each(harms)('that is %s file is made anew', (name, harm) => {
    const before = saved(`harm ${name}`)
    before.close()
    harm(before.saved)
    const after = open(`harm ${name}`)
    expect(after.index.behind(after.held.rows())).toBe(3000)
    after.grow()
    expect(after.recall(20)).toBeGreaterThan(0.95)
    after.index.save()
    after.close()
    const mended = open(`harm ${name}`)
    expect(mended.index.behind(mended.held.rows())).toBe(0)
    mended.close()
  })

  test('of another store is made anew, and so is one that knows more than its store', () => {
    const [one, other] = [saved('one'), open('other')]
    other.file.upsert(numbered(0, 3000))
    copyFileSync(one.saved, other.saved)
    other.close()
    const again = open('other')
    expect(again.index.behind(again.held.rows())).toBe(3000)
    again.close()
    one.close()

    const early = open('restored')
    early.file.upsert(numbered(0, 2000))
    early.close()
    copyFileSync(early.path, join(folder, 'copy'))
    const late = open('restored')
    late.file.upsert(numbered(2000, 3000))
    late.grow()
    late.index.save()
    late.close()
    copyFileSync(join(folder, 'copy'), late.path)
    const restored = open('restored')
    expect(restored.index.behind(restored.held.rows())).toBe(2000)
    restored.close()
  })
})

test('where usearch is not installed a sentence says how to have it', () => {
  expect(() => graphs(dimension, 1, `file://${folder}/module.js`)).toThrowError(
    expect.objectContaining({
      name: 'Fatal',
      message: expect.stringMatching(
        /^store\.index: hnsw needs the package usearch, which cannot be loaded \(Cannot find module 'usearch'\): npm install .*, or choose store\.index: flat$/,
      ) as string,
    }),
  )
})
