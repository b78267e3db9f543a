import { afterEach, expect, test } from 'vitest'
import { pause } from '../../../runtime/wait.ts'
import type { Near } from '../../../method/ports.ts'
import { row } from '../../contracts/store.ts'
import { front } from './front.ts'
import { ownServer } from './own-server.ts'
import { address, beginning, openPlace, openStore, ownAlias } from './place.ts'

const { signal } = new AbortController()
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const ids = (list: readonly Near[]) => list.map(({ passage }) => passage.id)
const numbered = (number: number) => row(`p${number}`, `number${number} common`, number, 1, 0)
const x = Float32Array.of(1, 0, 0)

test('a server that falls silent is given up after the time limit, and used again when it speaks', async () => {
  const wall = await front(address)
  closing.push(() => wall.close())
  const store = await openStore(ownAlias('silent'), 3, { address: wall.address, timeout: 1_500 })
  closing.unshift(() => store.close())
  await store.upsert([numbered(1)], signal)
  wall.silence(true)
  const began = Date.now()
  const late = { name: 'Unavailable', endpoint: `Milvus at ${wall.address}` }
  const calls = [store.near(x, 1, signal), store.upsert([numbered(2)], signal), store.match('common', 1, signal)]
  const ended = await Promise.allSettled([...calls, store.count()])
  for (const each of ended) expect(each).toMatchObject({ status: 'rejected', reason: late })
  expect(Date.now() - began).toBeLessThan(9_000)
  wall.silence(false)
  await expect.poll(() => store.count().catch(() => 0), { timeout: 30_000 }).toBeGreaterThan(0)
  await store.upsert([numbered(2)], signal)
  expect(await store.count()).toBe(2)
})

test('a signal ends the waiting for a silent server at once', async () => {
  const wall = await front(address)
  closing.push(() => wall.close())
  const store = await openStore(ownAlias('abort'), 3, { address: wall.address, timeout: 3_000 })
  closing.unshift(() => store.close())
  wall.silence(true)
  const reason = new Error('the caller went away')
  const abort = new AbortController()
  setTimeout(() => abort.abort(reason), 100)
  const began = Date.now()
  await expect(store.near(x, 1, abort.signal)).rejects.toBe(reason)
  await expect(store.upsert([numbered(1)], abort.signal)).rejects.toBe(reason)
  expect(Date.now() - began).toBeLessThan(1_500)
})

test('kill -9 in the middle of upserts: each that was acknowledged is there after the restart', async () => {
  const server = await ownServer()
  closing.push(() => server.remove())
  const store = await openStore(ownAlias('killed'), 3, { address: server.address, timeout: 10_000 })
  closing.unshift(() => store.close())
  const acknowledged = new Set<number>()
  let next = 0
  /** Each goes on with its row until it is stored, as the runtime does. */
  const lane = async () => {
    for (let number = next++; number < 3_000; number = next++) {
      while (!acknowledged.has(number))
        await store.upsert([numbered(number)], signal).then(
          () => acknowledged.add(number),
          (error: Error) => {
            expect(error).toMatchObject({ name: 'Unavailable' })
            return pause(50)
          },
        )
    }
  }
  const working = Promise.all(Array.from({ length: 64 }, lane))
  for (const count of [200, 900, 1_800]) {
    await expect.poll(() => acknowledged.size, { interval: 5, timeout: 60_000 }).toBeGreaterThan(count)
    server.kill('SIGKILL')
    const before = [...acknowledged]
    await server.restart()
    const looked = before.map((number) => `p${number}`)
    const found = () => store.holds!(looked, signal).catch(() => [])
    await expect.poll(async () => (await found())?.length, { timeout: 20_000 }).toBe(before.length)
  }
  await working
  expect(await store.count()).toBe(3_000)
  const found = await store.near(x, 3_000, signal)
  expect(ids(found)).toEqual(Array.from({ length: 3_000 }, (_, i) => `p${2_999 - i}`))
  expect(found.every(({ passage }, i) => passage.text === `number${2_999 - i} common`)).toBe(true)
})

test('a store that is held open over a restart goes on searching and writing', async () => {
  const server = await ownServer()
  closing.push(() => server.remove())
  const alias = ownAlias('held')
  const place = await openPlace(alias, { address: server.address })
  closing.unshift(() => place.close())
  const name = `${alias}__one`
  await place.create(name, beginning(), signal)
  const store = await place.open(name, signal)
  await store.upsert([1, 2, 3].map(numbered), signal)
  await place.seal(name, signal)
  await place.promote(name, signal)
  for (const how of ['stop', 'kill'] as const) {
    if (how === 'stop') expect(await server.stop()).toBe('stopped')
    else server.kill('SIGKILL')
    await expect(store.near(x, 3, signal)).rejects.toMatchObject({ name: 'Unavailable' })
    await server.start()
    const again = () => store.near(x, 3, signal).catch(() => [])
    await expect.poll(async () => ids(await again()), { timeout: 10_000 }).toEqual(['p3', 'p2', 'p1'])
    expect(ids(await store.match('number2', 3, signal))).toEqual(['p2'])
    await store.upsert([numbered(3)], signal)
    expect(await place.find(undefined, signal)).toMatchObject({ name, current: true, manifest: { state: 'ready' } })
    expect(await place.count(name, signal)).toBe(3)
  }
})
