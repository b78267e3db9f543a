import { readdirSync, readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parquetReadObjects } from 'hyparquet'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { noCounts, shaped, type Format } from '../../cli/exporting.ts'
import { follow, type Rolling } from '../../cli/follow.ts'
import { databaseOf } from '../../adapters/sqlite/log.ts'
import { cut } from '../../adapters/sqlite/prune.ts'
import { samples } from '../../topics/index.ts'
import { openTestStream, type TestStream } from './stream.ts'

let stream: TestStream
let folder: string
beforeEach(async () => {
  stream = await openTestStream()
  folder = mkdtempSync(join(tmpdir(), 'gainstream-follow-'))
})
afterEach(async () => {
  await stream.close()
  rmSync(folder, { recursive: true, force: true })
})

const asked = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => ({ id: `q${from + i}` }))
const label = async (from: number, to: number) => {
  await stream.enter(`q${from}.jsonl`, asked(from, to), `run-${from}`)
  await stream.work()
}

const options = (more: Partial<Rolling> = {}, format: Format = 'jsonl'): Rolling => ({
  ...{ folder, type: 'jsonl', format, records: 3, seconds: 60, about: { format }, untilEmpty: true, onShard: () => {} },
  row: shaped(stream.world, samples, { format, minMargin: 0 }, noCounts()),
  ...more,
})
const following = (more: Partial<Rolling> = {}, format: Format = 'jsonl', signal = stream.signal) =>
  follow(stream.world, samples, options(more, format), signal)

const files = () => readdirSync(folder).filter((file) => /^samples-[^.]*\.(jsonl|parquet)$/.test(file))
const linesIn = (file: string) => readFileSync(join(folder, file), 'utf8').trim().split('\n')
const idsIn = (found: readonly string[]) =>
  found.flatMap((file) => linesIn(file).map((line) => (JSON.parse(line) as { query: { id: string } }).query.id))
const ids = (from: number, to: number) => asked(from, to).map(({ id }) => id)
const sorted = (all: readonly string[]) => all.toSorted((a, b) => Number(a.slice(1)) - Number(b.slice(1)))

/** Shards of a partition cover what lies between their positions, and none covers what another covers. */
const gapless = () => {
  const ends = new Map<string, string>()
  for (const file of files().sort()) {
    const [, partition = '', from = '', until = ''] = /-(\d+)-(\d+)-(\d+)\./.exec(file) ?? []
    expect(Number(until)).toBeGreaterThan(Number(from))
    if (ends.has(partition)) expect(from).toBe(ends.get(partition))
    ends.set(partition, until)
  }
}

describe('an export that follows', () => {
  test('writes every record into one shard, and goes on where the newest shards end', async () => {
    await label(0, 20)
    await following()
    expect(sorted(idsIn(files()))).toEqual(ids(0, 20))
    const before = files().map((file) => [file, linesIn(file)])
    await label(20, 30)
    await following()
    await following()
    expect(sorted(idsIn(files()))).toEqual(ids(0, 30))
    expect(before.map(([file]) => [file, linesIn(file as string)])).toEqual(before)
    gapless()
  })

  test('that was killed while a shard was written leaves a part of it, which the next one takes away', async () => {
    await label(0, 9)
    writeFileSync(join(folder, '.samples-00000-0000000000000000-0000000000000003.jsonl.1a2b.partial'), 'half a li')
    await following()
    expect(readdirSync(folder).some((file) => file.endsWith('.partial'))).toBe(false)
    expect(sorted(idsIn(files()))).toEqual(ids(0, 9))
  })

  test('that is stopped writes what it holds first', async () => {
    await label(0, 7)
    const stop = new AbortController()
    let seen = 0
    const own = options({ untilEmpty: false, records: 1000 })
    const row: Rolling['row'] = async (record) => {
      const found = await own.row(record)
      if (++seen === 7) stop.abort()
      return found
    }
    await follow(stream.world, samples, { ...own, row }, stop.signal)
    expect(sorted(idsIn(files()))).toEqual(ids(0, 7))
  })

  test('closes a shard that nothing follows when its time is over', async () => {
    await label(0, 2)
    const stop = new AbortController()
    const shards: number[] = []
    const onShard = (_file: string, rows: number) => void shards.push(rows)
    const running = following({ untilEmpty: false, records: 1000, seconds: 0.2, onShard }, 'jsonl', stop.signal)
    while (shards.reduce((a, b) => a + b, 0) < 2) await new Promise((resolve) => setTimeout(resolve, 20))
    expect(sorted(idsIn(files()))).toEqual(ids(0, 2))
    stop.abort()
    await running
  })

  test('as Parquet holds what it holds as JSON Lines', async () => {
    await label(0, 8)
    await following({ records: 1000 }, 'sentence-transformers')
    const lines = files().flatMap((file) => linesIn(file).map((line) => JSON.parse(line) as object))
    rmSync(folder, { recursive: true })
    await following({ records: 1000, type: 'parquet' }, 'sentence-transformers')
    const rows: object[] = []
    for (const file of files()) {
      const bytes = readFileSync(join(folder, file))
      const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
      rows.push(...(await parquetReadObjects({ file: buffer })))
    }
    expect(lines).toHaveLength(8)
    expect(rows).toEqual(lines)
  })

  test('is one at a time in a folder: another is refused while it writes, and goes on when it has ended', async () => {
    await label(0, 4)
    const stop = new AbortController()
    let seen = 0
    const own = options()
    const row: Rolling['row'] = (record) => {
      seen++
      return own.row(record)
    }
    const first = following({ untilEmpty: false, records: 1000, row }, 'jsonl', stop.signal)
    while (seen < 4) await new Promise((resolve) => setTimeout(resolve, 20))
    await expect(following()).rejects.toThrow(/^another export writes into .* --out$/)
    stop.abort()
    await first
    await label(4, 8)
    await following()
    expect(sorted(idsIn(files()))).toEqual(ids(0, 8))
    gapless()
  })

  test('refuses a folder that holds another export', async () => {
    await label(0, 2)
    await following()
    await expect(following({}, 'flagembedding')).rejects.toThrow(/holds an export of something else .* --out/)
  })

  test('refuses to go on past records that were deleted before they were exported', async () => {
    await label(0, 12)
    await following()
    const database = databaseOf(stream.world.log)!
    const name = stream.world.names.topic(samples)
    await label(12, 40)
    const { end } = (await stream.world.log.describe(name))!.partitions[0]!
    await database.change(() => {
      const lane = database.sql(
        'SELECT l.id FROM lanes l JOIN topics t ON t.id = l.topic WHERE t.name = ? AND partition = 0',
      )
      cut(database, Number(lane.get(name)?.['id']), end - 1)
    })
    await expect(following()).rejects.toThrow(/partition 0 begins at \d+, and the shards in .* end at \d+/)
  })
})
