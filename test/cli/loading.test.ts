/** Vectors that were computed elsewhere become a collection: whole, resumable, and refused where they do not belong. */
import { once } from 'node:events'
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openCollections } from '../../adapters/store/index.ts'
import type { Collection } from '../../method/ports.ts'
import { folder, launch, run } from './command.ts'

const dimension = 384
const { signal } = new AbortController()

let where: ReturnType<typeof folder>
beforeEach(() => {
  where = folder()
})
afterEach(() => where.remove())
const at = () => ({ cwd: where.path })

/** Row i points along axis i mod 384, and is longer for later rows: each passage is nearest to its own. */
const vectorOf = (i: number) => {
  const vector = new Float32Array(dimension)
  vector[i % dimension] = 1 + Math.floor(i / dimension)
  return vector
}

const written = async (rows: number, width = dimension) => {
  const [corpus, vectors] = [join(where.path, 'corpus.tsv'), join(where.path, 'vectors.npy')]
  const table = Array.from({ length: rows }, (_, i) => `${i + 1}\t"Passage ""${i}"" of many"\tTitle ${i}\n`)
  writeFileSync(corpus, `id\ttext\ttitle\n${table.join('')}`)
  const head = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${width}), }`
  const padded = head.padEnd(Math.ceil((head.length + 11) / 64) * 64 - 11, ' ')
  const file = createWriteStream(vectors)
  file.write(Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), Buffer.from(Uint16Array.of(padded.length + 1).buffer), Buffer.from(`${padded}\n`)])) // prettier-ignore
  for (let i = 0; i < rows; i++)
    if (!file.write(Buffer.from(vectorOf(i).subarray(0, width).slice().buffer))) await once(file, 'drain')
  file.end()
  await once(file, 'close')
  return { corpus, vectors }
}

const listed = async () => {
  const { stdout } = await run(['collections', '--json'], at())
  return stdout === '' ? [] : (JSON.parse(stdout) as (Collection & { count: number })[])
}

const placeOf = () => join(where.path, '.gainstream/passages/gainstream_passages')

/** What the store itself says of some rows: their text and vector are theirs. */
const checked = async (name: string, rows: readonly number[]) => {
  const place = await openCollections({ folder: placeOf() })
  const store = await place.open(name, signal)
  for (const i of rows) {
    const near = await store.near(vectorOf(i), 1_000, signal)
    const own = near.find(({ passage }) => passage.id === String(i + 1))
    expect(own?.passage).toEqual({ id: String(i + 1), title: `Title ${i}`, text: `Passage "${i}" of many` })
    expect(own?.score).toBe((1 + Math.floor(i / dimension)) ** 2)
  }
  await store.close()
  await place.close()
}

describe('index --embeddings', () => {
  test('makes a collection of the vectors as they are, and the same again changes nothing', async () => {
    const { corpus, vectors } = await written(800)
    const load = () => run(['index', corpus, '--embeddings', vectors, '--run', 'all', '--json'], at())
    const first = await load()
    expect(first).toMatchObject({ code: 0 })
    expect(JSON.parse(first.stdout)).toMatchObject({
      collection: 'gainstream_passages__all',
      current: true,
      stored: 800,
    })
    expect((await load()).stdout).toBe(first.stdout)
    await checked('gainstream_passages__all', [0, 1, 383, 384, 799])
  })

  test('killed halfway it is searched by nobody; the same command again goes on and makes it whole', async () => {
    const { corpus, vectors } = await written(40_000)
    const args = ['index', corpus, '--embeddings', vectors, '--run', 'all']
    const { child, ended } = launch(args, at())
    const place = await openCollections({ folder: placeOf() })
    const loaded = async () => (await place.find('gainstream_passages__all', signal))?.manifest.loaded ?? 0
    // It runs in short pulses and is looked at while it stands still. How far it came is noted once a second of the
    // clock, so that few pulses lie between two notes, however fast it loads.
    const begun = async () => {
      child.kill('SIGCONT')
      await sleep(50)
      child.kill('SIGSTOP')
      return loaded()
    }
    await expect.poll(begun, { timeout: 60_000, interval: 150 }).toBeGreaterThan(0)
    child.kill('SIGKILL')
    await ended
    await place.close()
    const [half] = await listed()
    expect(half).toMatchObject({ current: false, manifest: { state: 'building' } })
    expect(half!.manifest.loaded).toBeLessThan(40_000)
    expect(half!.count).toBeGreaterThanOrEqual(half!.manifest.loaded)
    expect(await run(args, at())).toMatchObject({ code: 0 })
    expect(await listed()).toMatchObject([
      { current: true, count: 40_000, manifest: { state: 'ready', loaded: 40_000 } },
    ])
    await checked('gainstream_passages__all', [0, half!.manifest.loaded, half!.count, 39_999])
  })

  test.each([
    ['too few vectors', [10, 384], 11, /vectors\.npy has 10 vectors and .*corpus\.tsv 11 passages/],
    ['vectors of another encoder', [10, 300], 10, /vectors of 300 numbers, and the encoder in use makes 384/],
  ] as const)('%s are refused before anything is stored', async (_, [rows, width], passages, sentence) => {
    const { corpus } = await written(passages)
    const text = readFileSync(corpus)
    const { vectors } = await written(rows, width)
    writeFileSync(corpus, text)
    const { code, stderr } = await run(['index', corpus, '--embeddings', vectors], at())
    expect([code, stderr]).toEqual([1, expect.stringMatching(sentence) as string])
    expect(await listed()).toEqual([])
  })
})
