import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { checked, isMissing, settled, translated } from '../../../adapters/milvus/failures.ts'
import { impossible, indexFor } from '../../../adapters/milvus/indexes.ts'
import { lease } from '../../../adapters/milvus/lease.ts'
import { ranked } from '../../../adapters/milvus/ranked.ts'
import { among, rowOf } from '../../../adapters/milvus/schema.ts'
import type { Near } from '../../../method/ports.ts'
import { Rejected, Unavailable } from '../../../runtime/errors.ts'
import { pause } from '../../../runtime/wait.ts'
import { row } from '../../contracts/store.ts'

const folder = mkdtempSync(join(tmpdir(), 'milvus-parts-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('an index by size', () => {
  const [lite, whole] = [{ lite: true }, { lite: false }]
  test.each([
    [10_000, 384, 'flat', 'flat'],
    [10_001, 384, 'hnsw', 'hnsw'],
    [17_000_000, 384, 'hnsw', 'hnsw'],
    [21_000_000, 768, 'ivf_rabitq', 'hnsw'],
  ] as const)('of %i passages of %i numbers is %s, and %s on Milvus Lite', (rows, dimension, standalone, small) => {
    expect(indexFor('auto', { rows, dimension }, whole)).toBe(standalone)
    expect(indexFor('auto', { rows, dimension }, lite)).toBe(small)
  })

  test('is the one that was asked for, unless the server cannot have it', () => {
    expect(indexFor('diskann', { rows: 1, dimension: 3 }, whole)).toBe('diskann')
    expect(impossible('diskann', { lite: false, name: 'M' })).toBeUndefined()
    expect(impossible('diskann', { lite: true, name: 'M' })).toMatch(/Milvus Lite.*store\.index/)
    expect(impossible('hnsw', { lite: true, name: 'M' })).toBeUndefined()
  })
})

describe('failures', () => {
  const status = (status: object) => () => checked({ status }, 'M')
  test.each([
    [{ error_code: 'Success', code: 0 }, undefined],
    [{ error_code: 'Success', code: 1, reason: 'odd' }, 'odd'],
    [{ error_code: 'UnexpectedError', code: 0, reason: 'old' }, 'old'],
    [{ error_code: 6, code: 6, reason: '' }, 'error 6'],
  ])('a status of %j says %s', (given, said) => {
    if (said === undefined) expect(status(given)).not.toThrow()
    else expect(status(given)).toThrow(said)
  })

  test('an answer without a status is another program, or too old', () => {
    expect(() => checked({}, 'M')).toThrow(/milvus\.address/)
  })

  const grpc = (code: number, details: string) => translated(Object.assign(new Error(details), { code, details }), 'M')
  test.each([
    [14, 'ECONNREFUSED', 'Unavailable'],
    [4, 'Deadline exceeded', 'Unavailable'],
    [16, 'auth check failure', 'Fatal'],
    [14, 'self-signed certificate in certificate chain', 'Fatal'],
    [8, 'message larger than max', 'Refused'],
  ])('gRPC %i with %s is %s', (code, details, name) => {
    expect(grpc(code, details)).toMatchObject({ name })
  })

  test('a status that is thrown as a text is a status', () => {
    const thrown = new Error('ErrorCode: CollectionNotExists. Reason: collection not found[collection=7]')
    const found = translated(thrown, 'M')
    expect(found).toMatchObject({ name: 'Refused', message: 'collection not found[collection=7]' })
    expect(isMissing(found)).toBe(true)
  })

  const refused = (given: object) => {
    try {
      return checked({ status: { error_code: 'UnexpectedError', ...given } }, 'M')
    } catch (error) {
      return settled(error, 'M', 'to search')
    }
  }
  test('a limit that passes is waited for, a right that is missing is fatal, anything else is a bug', () => {
    expect(refused({ code: 8, reason: 'rate limit' })).toMatchObject({ name: 'Unavailable', endpoint: 'M' })
    expect(refused({ code: 5, retriable: true })).toMatchObject({ name: 'Unavailable' })
    expect(refused({ code: 65535, reason: 'permission deny' })).toMatchObject({ name: 'Fatal' })
    expect(refused({ code: 1100, reason: 'odd' })).toMatchObject({ name: 'Error', message: 'M refused to search: odd' })
  })
})

describe('the best k of a server that breaks ties as it likes', () => {
  const near = (id: string, score: number): Near => ({ passage: { id, title: '', text: '' }, score })
  const all = [near('z', 2), ...Array.from({ length: 300 }, (_, i) => near(`p${String(i).padStart(3, '0')}`, 1)), near('a', 0.5)] // prettier-ignore
  /** Of equals it gives those first that come last. */
  const server = (asked: number[]) => async (limit: number) => {
    asked.push(limit)
    return all.toSorted((a, b) => b.score - a.score || (a.passage.id < b.passage.id ? 1 : -1)).slice(0, limit)
  }
  test('asks on until no equal of the last one can be missing', async () => {
    const asked: number[] = []
    const found = await ranked(3, server(asked))
    expect(found.map(({ passage }) => passage.id)).toEqual(['z', 'p000', 'p001'])
    expect(asked).toEqual([11, 44, 176, 704])
  })
  test('asks once where the last one has no equal', async () => {
    const asked: number[] = []
    expect(await ranked(1, server(asked))).toEqual([near('z', 2)])
    expect(asked).toEqual([9])
  })
})

describe('a row', () => {
  test('is rejected by name where a text is longer in bytes than Milvus takes', () => {
    const long = { ...row('long', 'é'.repeat(33_000), 1), passage: { id: 'long', title: '', text: 'é'.repeat(33_000) } }
    expect(() => rowOf(long, 1)).toThrow('the text of passage long has 66000 bytes; Milvus takes 65535 at most')
    expect(() => rowOf(row('i'.repeat(3_000), 'x', 1), 1)).toThrow(/the id of passage i+ has 3000 bytes/)
    expect(rowOf(row('x', 'é'.repeat(32_000), 1), 1).terms).toMatch(/^title of x e+$/)
  })
  test('has the terms of title and text as the embedded store has them', () => {
    expect(rowOf(row('x', 'Crème BRÛLÉE, 漢字!', 1), 1).terms).toBe('title of x creme brulee 漢 字')
  })
  test('is named in a filter by its id as it is', () => {
    expect(among(['a"b', 'c\\d', 'e\nf', 'é'])).toBe('id in ["a\\"b", "c\\\\d", "e\\nf", "é"]')
  })
})

test('one lease is held by one at a time, also where each has opened it for itself', async () => {
  const file = join(folder, 'one.lock')
  let holders = 0
  const order: number[] = []
  const work = (number: number) => async () => {
    expect(++holders).toBe(1)
    await pause(3)
    order.push(number)
    holders--
  }
  const leases = [lease(folder, file), lease(folder, file)]
  await Promise.all(Array.from({ length: 10 }, (_, i) => leases[i % 2]!(work(i))))
  expect(order).toHaveLength(10)
  await expect(leases[0]!(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await leases[1]!(() => Promise.resolve('goes on'))).toBe('goes on')
})

describe('after a write that nobody waits for any more', () => {
  const settle = 300
  const timed = async (work: () => Promise<unknown>) => {
    const from = performance.now()
    await work()
    return performance.now() - from
  }
  const free = () => Promise.resolve()

  test('the next writer waits until the server is surely done, and the one after it does not', async () => {
    const file = join(folder, 'late.lock')
    const late = () => Promise.reject(new Unavailable('no answer', { endpoint: 'milvus' }))
    await expect(lease(folder, file, settle)(late)).rejects.toThrow('no answer')
    expect(await timed(() => lease(folder, file, settle)(free))).toBeGreaterThan(settle - 20)
    expect(await timed(() => lease(folder, file, settle)(free))).toBeLessThan(settle)
  })

  test('whoever was refused has an answer: nobody waits for it', async () => {
    const file = join(folder, 'refused.lock')
    await expect(lease(folder, file, settle)(() => Promise.reject(new Rejected('no')))).rejects.toThrow('no')
    expect(await timed(() => lease(folder, file, settle)(free))).toBeLessThan(settle)
  })

  test('a writer that was killed leaves its mark, too', async () => {
    const file = join(folder, 'killed.lock')
    const module = JSON.stringify(new URL('../../../adapters/milvus/lease.ts', import.meta.url).href)
    const given = [folder, file].map((each) => JSON.stringify(each)).join(', ')
    const script = `import(${module}).then(({ lease }) => lease(${given})(async () => process.kill(process.pid, 'SIGKILL')))`
    expect(spawnSync(process.execPath, ['-e', script]).signal).toBe('SIGKILL')
    expect(await timed(() => lease(folder, file, settle)(free))).toBeGreaterThan(settle - 20)
  })
})

test('a server that hangs up because of pings is away, and a row that is too large is refused', () => {
  const grpc = (details: string) => Object.assign(new Error(details), { code: 8, details })
  expect(translated(grpc('Bandwidth exhausted or memory limit exceeded'), 'milvus')).toBeInstanceOf(Unavailable)
  expect(translated(grpc('Sent message larger than max'), 'milvus')).toMatchObject({ name: 'Refused' })
})
