/** What every passage store promises. Call `storeContract` inside a test file. */
import { afterEach, describe, expect, test } from 'vitest'
import type { Near, PassageStore } from '../../method/ports.ts'

const signal = new AbortController().signal

/** Opens a store for vectors of this dimension; `place` names where it lies, so that it can be opened again. */
export type OpenStore = (place: string, dimension: number) => Promise<PassageStore>

export const row = (id: string, text: string, ...vector: number[]) => ({
  passage: { id, title: `Title of ${id}`, text },
  vector: Float32Array.from(vector),
})

const etna = row('etna', 'A volcano in Sicily, a volcano with snow.', 1, 0, 0)
const fuji = row('fuji', 'A volcano in Japan.', 0.9, 0.1, 0)
const violin = row('violin', 'A wooden instrument with four strings.', 0, 1, 0)
const bread = row('bread', 'Flour, water and salt.', 0, 0, 1)
const all = [etna, fuji, violin, bread]

const ids = (list: readonly Near[]) => list.map(({ passage }) => passage.id)

export const storeContract = (name: string, openStore: OpenStore) =>
  describe(`the passage store port: ${name}`, () => {
    const opened: PassageStore[] = []
    let places = 0
    const open = async (place = `contract-${++places}`) => {
      const store = await openStore(place, 3)
      opened.push(store)
      return store
    }
    const filled = async (rows = all, place?: string) => {
      const store = await open(place)
      await store.upsert(rows, signal)
      return store
    }
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close()
    })

    test('a new store is empty, and finds nothing', async () => {
      const store = await open()
      expect(await store.count()).toBe(0)
      expect(await store.near(etna.vector, 5, signal)).toEqual([])
      expect(await store.match('volcano', 5, signal)).toEqual([])
    })

    test('near is best first by inner product, with the whole passage', async () => {
      const store = await filled()
      const found = await store.near(Float32Array.of(2, 0.5, 0), 3, signal)
      expect(ids(found)).toEqual(['etna', 'fuji', 'violin'])
      expect(found[0]?.passage).toEqual(etna.passage)
      found.forEach(({ score }, i) => expect(score).toBeCloseTo([2, 1.85, 0.5][i] ?? 0, 5))
    })

    test('an inner product is not a cosine: a longer vector scores higher', async () => {
      const store = await filled([etna, row('long', 'Longer.', 3, 3, 0)])
      expect(ids(await store.near(Float32Array.of(1, 0, 0), 2, signal))).toEqual(['long', 'etna'])
    })

    test('equal scores are ordered by id, also where only some of them are wanted', async () => {
      const store = await filled(['d', 'b', 'e', 'a', 'c'].map((id) => row(id, 'same words', 1, 1, 0)))
      expect(ids(await store.near(Float32Array.of(1, 0, 0), 3, signal))).toEqual(['a', 'b', 'c'])
    })

    test('fewer than k come where the store holds fewer', async () => {
      expect(await (await filled()).near(etna.vector, 100, signal)).toHaveLength(4)
    })

    test('match finds only passages that share a word, the rarer and more frequent word first', async () => {
      const store = await filled()
      expect(ids(await store.match('Which VOLCANO?', 10, signal))).toEqual(['etna', 'fuji'])
      expect(ids(await store.match('volcano with strings', 1, signal))).toEqual(['violin'])
      expect(await store.match('nowhere', 10, signal)).toEqual([])
      expect(await store.match('', 10, signal)).toEqual([])
    })

    test('match looks into titles, too', async () => {
      const found = await (await filled()).match('bread', 10, signal)
      expect(ids(found)).toEqual(['bread'])
      expect(found[0]?.score).toBeGreaterThan(0)
    })

    test('the same passages twice are there once', async () => {
      const store = await filled()
      await store.upsert(all, signal)
      expect(await store.count()).toBe(4)
      expect(ids(await store.near(etna.vector, 10, signal)).toSorted()).toEqual(['bread', 'etna', 'fuji', 'violin'])
      expect(ids(await store.match('volcano', 10, signal))).toEqual(['etna', 'fuji'])
    })

    test('a passage that comes again replaces the one before, for near and for match', async () => {
      const store = await filled()
      await store.match('volcano', 1, signal)
      await store.upsert([row('etna', 'A fountain pen.', 0, 0, 2)], signal)
      expect(ids(await store.near(Float32Array.of(0, 0, 1), 1, signal))).toEqual(['etna'])
      expect(ids(await store.match('volcano', 10, signal))).toEqual(['fuji'])
      expect((await store.match('fountain', 10, signal))[0]?.passage.text).toBe('A fountain pen.')
      expect(await store.count()).toBe(4)
    })

    test('of an id that one call holds twice the last counts', async () => {
      const store = await filled([etna, row('etna', 'Later.', 0, 1, 0)])
      expect(await store.count()).toBe(1)
      expect((await store.near(etna.vector, 1, signal))[0]?.passage.text).toBe('Later.')
    })

    test('a removed passage is found no more, an unknown one is no error, and it may come back', async () => {
      const store = await filled()
      await store.remove(['etna', 'never seen'], signal)
      expect(await store.count()).toBe(3)
      expect(ids(await store.near(etna.vector, 10, signal))).not.toContain('etna')
      expect(ids(await store.match('volcano', 10, signal))).toEqual(['fuji'])
      await store.upsert([etna], signal)
      expect(ids(await store.near(etna.vector, 1, signal))).toEqual(['etna'])
    })

    test('what was acknowledged is there when the store is opened again', async () => {
      const before = await filled(all, 'again')
      await before.remove(['bread'], signal)
      await before.close()
      const after = await open('again')
      expect(await after.count()).toBe(3)
      expect((await after.near(etna.vector, 1, signal))[0]?.passage).toEqual(etna.passage)
      expect(ids(await after.match('strings', 10, signal))).toEqual(['violin'])
    })

    test('texts come back as they went in', async () => {
      const odd = row('odd "id" ✓', 'Ünïcode, 漢字, \u0001, 😀 and "quotes"\nand lines', 1, 1, 1)
      const store = await filled([odd])
      expect((await store.near(odd.vector, 1, signal))[0]?.passage).toEqual(odd.passage)
      expect(ids(await store.match('unicode', 1, signal))).toEqual([odd.passage.id])
    })

    test('a vector of the wrong length is rejected with a sentence, and nothing of its call is kept', async () => {
      const store = await open()
      const wrong = store.upsert([etna, row('short', 'Too short.', 1, 2)], signal)
      await expect(wrong).rejects.toMatchObject({
        name: 'Rejected',
        message: expect.stringMatching(/short.* 2 .*3/) as string,
      })
      await expect(store.near(Float32Array.of(1), 1, signal)).rejects.toMatchObject({ name: 'Rejected' })
      expect(await store.count()).toBe(0)
    })

    test('a vector that holds no number is rejected', async () => {
      const store = await open()
      await expect(store.upsert([row('nan', 'Not a number.', NaN, 0, 0)], signal)).rejects.toMatchObject({
        name: 'Rejected',
      })
    })

    test('an aborted call ends with the reason of its signal', async () => {
      const store = await filled()
      const reason = new Error('the caller went away')
      await expect(store.near(etna.vector, 1, AbortSignal.abort(reason))).rejects.toBe(reason)
    })

    test('many calls at once do not disturb each other', async () => {
      const store = await open()
      const rows = Array.from({ length: 200 }, (_, i) => row(`p${i}`, `word${i} common`, i, 1, 0))
      await Promise.all(rows.map((one) => store.upsert([one], signal)))
      const found = await Promise.all(rows.map((_, i) => store.match(`word${i}`, 1, signal)))
      expect(found.map(ids)).toEqual(rows.map(({ passage }) => [passage.id]))
      expect(await store.count()).toBe(200)
    })
  })
