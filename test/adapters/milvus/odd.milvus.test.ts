import { randomUUID } from 'node:crypto'
import { DataType, MilvusClient } from '@zilliz/milvus2-sdk-node'
import { afterEach, expect, test } from 'vitest'
import { connect } from '../../../adapters/milvus/client.ts'
import { made } from '../../../adapters/milvus/making.ts'
import type { Collections } from '../../../method/ports.ts'
import { row } from '../../contracts/store.ts'
import { address, beginning, openPlace, openStore, ownAlias } from './place.ts'

const { signal } = new AbortController()
const opened: { close(): Promise<unknown> }[] = []
const kept = <T extends { close(): Promise<unknown> }>(one: T): T => {
  opened.unshift(one)
  return one
}
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

const place = async (alias: string, more: Parameters<typeof openPlace>[1] = {}) => kept(await openPlace(alias, more))
const filled = async (here: Collections, name: string, rows: number) => {
  await here.create(name, beginning(), signal)
  const store = kept(await here.open(name, signal))
  await store.upsert(Array.from({ length: rows }, (_, i) => row(`p${i}`, `word${i}`, i, 1, 0)), signal) // prettier-ignore
  return store
}

test('a creation that was interrupted after any of its steps is finished by the next one', async () => {
  const alias = ownAlias('half')
  const here = await place(alias)
  const client = kept(await connect({ address, timeout: 30_000 }))
  for (const steps of [1, 2]) {
    const name = `${alias}__after_${steps}`
    await made.collection(client, { name, alias, manifest: beginning() }, signal)
    if (steps > 1) await made.ofVectors(client, name, 'flat', 0, signal)
    expect(await here.find(name, signal)).toMatchObject({ name, current: false, manifest: { state: 'building' } })
    const store = await filled(here, name, 3)
    expect(await store.match('word1', 1, signal)).toHaveLength(1)
    expect(await made.indexed(client, name, signal)).toEqual(
      new Map([['dense', 'FLAT'], ['sparse', 'SPARSE_INVERTED_INDEX']]), // prettier-ignore
    )
  }
})

test('the index that was asked for takes the place of none when the collection is sealed, and searches go on', async () => {
  const alias = ownAlias('hnsw')
  const here = await place(alias, { index: 'hnsw' })
  const client = kept(await connect({ address, timeout: 30_000 }))
  const name = `${alias}__one`
  const store = await filled(here, name, 50)
  const found = await store.near(Float32Array.of(1, 0, 0), 10, signal)
  const progress: [number, number][] = []
  await here.seal(name, signal, (...told) => progress.push(told))
  expect((await made.indexed(client, name, signal)).get('dense')).toBe('HNSW')
  expect(await store.near(Float32Array.of(1, 0, 0), 10, signal)).toEqual(found)
  expect(progress.at(-1)).toEqual([50, 50])
})

test('an index that the server cannot have is refused with a sentence that names the setting', async () => {
  await expect(openPlace('any', { index: 'diskann' })).rejects.toMatchObject({
    name: 'Fatal',
    message: expect.stringMatching(/Milvus Lite, which has no index diskann: set store\.index/) as string,
  })
})

test('passages with odd ids are found, looked up and removed by them', async () => {
  const odd = ['a"b', 'c\\d', 'e\nf', 'g\th', "i'j", '漢字 😀', '\u0001', 'x in ["y"]', '\\u0041', 'A']
  const store = kept(await openStore(ownAlias('odd')))
  await store.upsert(odd.map((id) => row(id, 'some words', 1, 0, 0)), signal) // prettier-ignore
  const looked = await store.holds!([...odd, 'never', 'y'], signal)
  expect(looked?.toSorted()).toEqual(odd.toSorted())
  for (const [i, id] of odd.entries()) {
    await store.remove([id], signal)
    expect(await store.count()).toBe(odd.length - 1 - i)
    expect(await store.holds!(odd, signal)).not.toContain(id)
  }
})

test('a passage that is too long is rejected alone, and the others of its time are stored', async () => {
  const store = kept(await openStore(ownAlias('long')))
  const all = await Promise.allSettled(
    ['a', 'long', 'b'].map((id) => store.upsert([row(id, id === 'long' ? 'x'.repeat(70_000) : 'short', 1, 0, 0)], signal)), // prettier-ignore
  )
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(all[1]).toMatchObject({
    reason: { name: 'Rejected', message: expect.stringContaining('70000 bytes') as string },
  })
  const edge = row('edge', 'é'.repeat(32_767), 1, 0, 0)
  await store.upsert([edge], signal)
  expect((await store.near(edge.vector, 9, signal)).find(({ passage }) => passage.id === 'edge')?.passage).toEqual(
    edge.passage,
  )
})

test('a store whose collection was dropped says so, whatever it is asked', async () => {
  const alias = ownAlias('dropped')
  const here = await place(alias)
  const name = `${alias}__one`
  const store = await filled(here, name, 3)
  await (await place(alias)).drop(name, signal)
  const gone = {
    name: 'Unavailable',
    message: expect.stringMatching(new RegExp(`collection ${name} was dropped`)) as string,
  }
  await expect(store.near(Float32Array.of(1, 0, 0), 1, signal)).rejects.toMatchObject(gone)
  await expect(store.match('word1', 1, signal)).rejects.toMatchObject(gone)
  await expect(store.count()).rejects.toMatchObject(gone)
  await expect(store.upsert([row('a', 'b', 1, 0, 0)], signal)).rejects.toMatchObject(gone)
  await expect(store.remove(['a'], signal)).rejects.toMatchObject(gone)
})

test("somebody else's collection under one of our names is left alone, and a name that is taken is no alias", async () => {
  const alias = ownAlias('foreign')
  const sdk = new MilvusClient({ address, telemetry: { enabled: false } })
  await sdk.connectPromise
  const name = `${alias}__theirs`
  const fields = [
    { name: 'key', data_type: DataType.Int64, is_primary_key: true },
    { name: 'vector', data_type: DataType.FloatVector, dim: 4 },
  ]
  for (const one of [name, `${alias}x`]) await sdk.createCollection({ collection_name: one, fields })
  kept({ close: () => sdk.closeConnection() })
  const here = await place(alias)
  expect(await here.list(signal)).toEqual([])
  const notOurs = {
    name: 'Fatal',
    message: expect.stringMatching(/theirs that is not one of .*store\.collection/) as string,
  }
  await expect(here.create(name, beginning(), signal)).rejects.toMatchObject(notOurs)
  await expect(here.drop(name, signal)).rejects.toMatchObject(notOurs)
  const taken = await place(`${alias}x`)
  const own = `${alias}x__${randomUUID().slice(0, 4)}`
  await filled(taken, own, 1)
  await taken.seal(own, signal)
  await expect(taken.promote(own, signal)).rejects.toMatchObject({
    name: 'Fatal',
    message: expect.stringMatching(/store\.collection/) as string,
  })
})

test('a collection that is searched while it grows is flushed as it does, so that its words are found fast', async () => {
  const alias = ownAlias('grows')
  const here = await place(alias)
  const name = `${alias}__one`
  await here.create(name, beginning(), signal)
  await here.seal(name, signal)
  const store = kept(await here.open(name, signal))
  const rows = Array.from({ length: 8_000 }, (_, i) => row(`p${i}`, `word${i} ${'more words '.repeat(20)}`, i, 1, 0))
  await store.upsert(rows, signal)
  const began = performance.now()
  for (let i = 0; i < 10; i++) expect(await store.match(`word${i}`, 1, signal)).toHaveLength(1)
  expect((performance.now() - began) / 10).toBeLessThan(500)
})
