/** What every place of collections promises. Call `collectionsContract` inside a test file. */
import { afterEach, describe, expect, test } from 'vitest'
import { currentSearch } from '../../adapters/current.ts'
import { collectionName } from '../../method/collection.ts'
import type { CollectionManifest, Collections, EmbedderIdentity, Near } from '../../method/ports.ts'
import { row } from './store.ts'

const { signal } = new AbortController()

/** Opens the collections under an alias; called twice with one alias, it opens the same ones as another process would. */
export type OpenCollections = (alias: string) => Promise<Collections>

const encoder: EmbedderIdentity = {
  ...{ model: 'three-numbers', revision: '0'.repeat(64), dimension: 3, pooling: 'mean', normalised: false },
}
let made = 0
const beginning = (some: Partial<CollectionManifest> = {}): CollectionManifest => ({
  ...{ encoder, corpus: { sha256: 'a'.repeat(64), count: 2 }, state: 'building', loaded: 0, made_at: ++made },
  ...some,
})

const sun = row('sun', 'A star.', 1, 0, 0)
const moon = row('moon', 'A satellite.', 0, 1, 0)
const ids = (list: readonly Near[]) => list.map(({ passage }) => passage.id)
const fatal = (sentence: RegExp) => ({ name: 'Fatal', message: expect.stringMatching(sentence) as string })

export const collectionsContract = (name: string, openCollections: OpenCollections, aliasOf: () => string) =>
  describe(`the port of collections: ${name}`, () => {
    const opened: { close(): Promise<void> }[] = []
    const kept = <T extends { close(): Promise<void> }>(one: T): T => {
      opened.unshift(one)
      return one
    }
    const open = async (alias: string) => kept(await openCollections(alias))
    const place = async () => {
      const alias = aliasOf()
      return { alias, here: await open(alias), one: collectionName(alias, 'one'), two: collectionName(alias, 'two') }
    }
    /** Built, ready and current. */
    const whole = async (here: Collections, name: string, rows = [sun]) => {
      await here.create(name, beginning(), signal)
      const store = kept(await here.open(name, signal))
      await store.upsert(rows, signal)
      await here.seal(name, signal)
      await here.promote(name, signal)
      return store
    }
    afterEach(async () => {
      for (const one of opened.splice(0)) await one.close()
    })

    test('a new place holds nothing, and nothing in it is current', async () => {
      const { here, one } = await place()
      expect(await here.list(signal)).toEqual([])
      expect(await here.find(undefined, signal)).toBeUndefined()
      expect(await here.find(one, signal)).toBeUndefined()
      expect(await here.count(one, signal)).toBe(0)
    })

    test('a collection is there with its manifest, empty, and not current', async () => {
      const { here, one } = await place()
      const manifest = beginning()
      await here.create(one, manifest, signal)
      expect(await here.find(one, signal)).toEqual({ name: one, manifest, current: false })
      expect(await here.list(signal)).toEqual([{ name: one, manifest, current: false }])
      expect(await here.find(undefined, signal)).toBeUndefined()
      expect(await here.count(one, signal)).toBe(0)
    })

    test('creating it again leaves what is there', async () => {
      const { here, one } = await place()
      const manifest = beginning()
      await here.create(one, manifest, signal)
      await kept(await here.open(one, signal)).upsert([sun], signal)
      await here.create(one, beginning({ corpus: null }), signal)
      expect((await here.find(one, signal))?.manifest).toEqual(manifest)
      expect(await here.count(one, signal)).toBe(1)
    })

    test('several that create one at once all get it', async () => {
      const { alias, one } = await place()
      const all = await Promise.all([1, 2, 3].map(() => open(alias)))
      await Promise.all(all.map((each) => each.create(one, beginning({ made_at: 7 }), signal)))
      expect(await all[0]!.list(signal)).toHaveLength(1)
      await kept(await all[1]!.open(one, signal)).upsert([sun], signal)
      expect(await all[2]!.count(one, signal)).toBe(1)
    })

    test("another encoder's collection is refused with a sentence that names both", async () => {
      const { here, one } = await place()
      await here.create(one, beginning(), signal)
      const other = here.create(one, beginning({ encoder: { ...encoder, model: 'larger', dimension: 768 } }), signal)
      await expect(other).rejects.toMatchObject(
        fatal(/holds vectors of three-numbers .*encoder in use is larger .*768/),
      )
    })

    test('the list is oldest first, and holds no other alias', async () => {
      const { here, one, two } = await place()
      await here.create(two, beginning({ made_at: 1 }), signal)
      await here.create(one, beginning({ made_at: 2 }), signal)
      const other = await place()
      await other.here.create(other.one, beginning(), signal)
      expect((await here.list(signal)).map((each) => each.name)).toEqual([two, one])
    })

    test('what is noted changes that part alone, and others see it', async () => {
      const { alias, here, one } = await place()
      const manifest = beginning()
      await here.create(one, manifest, signal)
      await here.note(one, { loaded: 7 }, signal)
      await (await open(alias)).note(one, { corpus: null }, signal)
      expect((await here.find(one, signal))?.manifest).toEqual({ ...manifest, loaded: 7, corpus: null })
    })

    test('it is sealed with all that was written, and found ready', async () => {
      const { here, one } = await place()
      await here.create(one, beginning(), signal)
      const store = kept(await here.open(one, signal))
      await store.upsert([sun, moon], signal)
      await here.seal(one, signal)
      expect((await here.find(one, signal))?.manifest.state).toBe('ready')
      expect(ids(await store.near(sun.vector, 2, signal))).toEqual(['sun', 'moon'])
      expect(ids(await store.match('satellite', 2, signal))).toEqual(['moon'])
      await here.seal(one, signal)
      expect(await here.count(one, signal)).toBe(2)
    })

    test('one that is being built cannot be made current', async () => {
      const { here, one } = await place()
      await here.create(one, beginning(), signal)
      await expect(here.promote(one, signal)).rejects.toMatchObject(fatal(/still being built/))
      expect(await here.find(undefined, signal)).toBeUndefined()
    })

    test('a promotion is seen by all, and there is one current collection at any time', async () => {
      const { alias, here, one, two } = await place()
      const there = await open(alias)
      await whole(here, one)
      expect((await there.find(undefined, signal))?.name).toBe(one)
      await whole(there, two, [moon])
      expect((await here.find(undefined, signal))?.name).toBe(two)
      expect((await here.list(signal)).filter(({ current }) => current)).toHaveLength(1)
      await here.promote(one, signal)
      expect((await there.find(undefined, signal))?.name).toBe(one)
    })

    test('somebody who looks while others promote always finds one', async () => {
      const { alias, here, one, two } = await place()
      await whole(here, one)
      await whole(here, two)
      const there = await open(alias)
      let promoting = true
      const looked = (async () => {
        const seen = new Set<string | undefined>()
        while (promoting) seen.add((await there.find(undefined, signal))?.name)
        return seen
      })()
      for (let i = 0; i < 10; i++) await here.promote(i % 2 === 0 ? one : two, signal)
      promoting = false
      for (const name of await looked) expect([one, two]).toContain(name)
    })

    test('searches go on over a promotion, and read the new collection soon', async () => {
      const { alias, here, one, two } = await place()
      await whole(here, one)
      const search = kept(currentSearch({ collections: await open(alias), encoder, lookEvery: 20 }))
      expect(ids(await search.near(sun.vector, 2, signal))).toEqual(['sun'])
      const promoted = whole(here, two, [sun, moon])
      const seen: string[] = []
      for (const until = Date.now() + 20_000; Date.now() < until && seen.at(-1) !== 'sun moon';)
        seen.push(ids(await search.near(sun.vector, 2, signal)).join(' '))
      await promoted
      expect(new Set(seen)).toEqual(new Set(['sun', 'sun moon']))
    })

    test('the current one is not dropped, another one is, with what it held', async () => {
      const { here, one, two } = await place()
      await whole(here, one)
      await whole(here, two)
      await expect(here.drop(two, signal)).rejects.toMatchObject(fatal(/current one/))
      await here.drop(one, signal)
      expect((await here.list(signal)).map((each) => each.name)).toEqual([two])
      await here.create(one, beginning(), signal)
      expect(await here.count(one, signal)).toBe(0)
    })

    test('what is not there is named in a sentence', async () => {
      const { here, one } = await place()
      const missing = fatal(new RegExp(`there is no collection ${one}`))
      await expect(here.open(one, signal)).rejects.toMatchObject(missing)
      await expect(here.note(one, { loaded: 1 }, signal)).rejects.toMatchObject(missing)
      await expect(here.seal(one, signal)).rejects.toMatchObject(missing)
      await expect(here.promote(one, signal)).rejects.toMatchObject(missing)
      await expect(here.drop(one, signal)).rejects.toMatchObject(missing)
    })

    test('two that write to one collection at once both store all', async () => {
      const { alias, here, one } = await place()
      await here.create(one, beginning(), signal)
      const stores = await Promise.all(
        [here, await open(alias)].map(async (each) => kept(await each.open(one, signal))),
      )
      const rows = (from: number) =>
        Array.from({ length: 50 }, (_, i) => row(`p${from + i}`, `word${from + i}`, i, 1, 0))
      await Promise.all(
        stores.map(async (store, i) => {
          for (let round = 0; round < 4; round++) await store.upsert(rows(200 * i + 50 * round), signal)
        }),
      )
      expect(await here.count(one, signal)).toBe(400)
    })
  })
