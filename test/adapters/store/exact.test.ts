import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { openStore } from '../../../adapters/store/index.ts'
import type { Near } from '../../../method/ports.ts'
import { encoder } from './encoder.ts'

const { signal } = new AbortController()
const folder = mkdtempSync(join(tmpdir(), 'exact-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0

interface Row {
  passage: { id: string; title: string; text: string }
  vector: Float32Array
}

/** BM25 as it is written down, over all passages. */
const bm25 = (rows: readonly Row[], query: readonly string[]): Map<string, number> => {
  const documents = rows.map(({ passage }) => ({
    id: passage.id,
    words: `${passage.title} ${passage.text}`.split(' '),
  }))
  const average = documents.reduce((sum, { words }) => sum + words.length, 0) / documents.length
  const holding = (word: string) => documents.filter(({ words }) => words.includes(word)).length
  const idf = (word: string) => Math.log(1 + (documents.length - holding(word) + 0.5) / (holding(word) + 0.5))
  const score = (words: readonly string[], word: string) => {
    const tf = words.filter((one) => one === word).length
    return (idf(word) * tf * 1.9) / (tf + 0.9 * (0.6 + (0.4 * words.length) / average))
  }
  return new Map(documents.map(({ id, words }) => [id, query.reduce((sum, word) => sum + score(words, word), 0)]))
}

const best = (scores: Map<string, number>, k: number) =>
  [...scores].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, k)

const agrees = (found: readonly Near[], expected: readonly (readonly [string, number])[]) => {
  expect(found.map(({ score }) => score.toFixed(9))).toEqual(expected.map(([, score]) => score.toFixed(9)))
  // Sums in another order may swap what is equal up to the last bit; everything else stands where it must.
  const clear = expected.filter(
    ([, score]) => expected.filter(([, other]) => Math.abs(other - score) < 1e-9).length === 1,
  )
  for (const [id, score] of clear) expect(found.find(({ passage }) => passage.id === id)?.score).toBeCloseTo(score, 9)
}

const word = fc.constantFrom('ash', 'birch', 'cedar', 'elm', 'fir', 'oak', 'pine', 'yew')
const number = fc.integer({ min: -8, max: 8 })
const row = fc
  .record({
    id: fc.integer({ min: 1, max: 30 }),
    title: word,
    words: fc.array(word, { minLength: 1, maxLength: 9 }),
    vector: fc.array(number, { minLength: 5, maxLength: 5 }),
  })
  .map(({ id, title, words, vector }) => ({
    passage: { id: `p${id}`, title, text: words.join(' ') },
    vector: Float32Array.from(vector),
  }))
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ upsert: fc.array(row, { minLength: 1, maxLength: 12 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      remove: fc.array(
        fc.integer({ min: 1, max: 30 }).map((n) => `p${n}`),
        { maxLength: 5 },
      ),
    }),
  },
)

test('after any changes, near and match are those of the plain definitions over what is there', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 6 }),
      fc.array(word, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 8 }),
      async (steps, words, k) => {
        const store = await openStore({ path: join(folder, `${++files}.sqlite`), encoder: encoder({ dimension: 5 }) })
        const there = new Map<string, Row>()
        for (const step of steps) {
          await store.match('oak', 1, signal) // the index of words exists from the start and follows the changes
          if ('upsert' in step) {
            await store.upsert(step.upsert, signal)
            for (const one of step.upsert) there.set(one.passage.id, one)
          } else {
            await store.remove(step.remove, signal)
            for (const id of step.remove) there.delete(id)
          }
        }
        const rows = [...there.values()]
        const query = Float32Array.of(3, -1, 2, 0.5, -2)
        const products = new Map(
          rows.map(({ passage, vector }) => [passage.id, vector.reduce((sum, x, i) => sum + x * (query[i] ?? 0), 0)]),
        )
        const lexical = new Map([...bm25(rows, words)].filter(([, score]) => score > 0))
        agrees(await store.near(query, k, signal), best(products, k))
        agrees(await store.match(words.join(' '), k, signal), best(lexical, k))
        expect(await store.count()).toBe(rows.length)
        await store.close()
      },
    ),
    { numRuns: 25 },
  )
})
