/**
 * A topic as files that keep coming: rolling shards, each named by its partition and the positions that it covers.
 *
 * The folder is the memory: a shard stands there whole or not at all, and whoever goes on begins where the newest shard
 * of a partition ends. So a position is in one shard, however often this is killed; no consumer group is needed. One
 * process at a time: two would cut the same records into shards of their own.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { parquetOf, writeBytes, writeLines, type Row } from '../adapters/files/index.ts'
import { trouble } from '../adapters/files/trouble.ts'
import { locked } from '../adapters/stack/lock.ts'
import { Fatal } from '../runtime/errors.ts'
import type { Stored, TopicInfo } from '../runtime/log.ts'
import type { Topic } from '../runtime/topic.ts'
import { columnsOf, tabular, type Format } from './exporting.ts'
import type { World } from './world.ts'

export interface Rolling {
  readonly folder: string
  readonly type: 'jsonl' | 'parquet'
  readonly format: Format
  /** A shard is closed with so many records, or so many seconds after its first one. */
  readonly records: number
  readonly seconds: number
  /** What else decides the content, for the folder's note. */
  readonly about: Readonly<Record<string, unknown>>
  readonly row: (record: Stored) => Promise<Row | undefined>
  /** Ends where the topic ended at the start, instead of going on. */
  readonly untilEmpty: boolean
  readonly onShard: (file: string, rows: number) => void
}

interface Shard {
  readonly partition: number
  readonly from: number
  until: number
  readonly rows: { readonly key: string; readonly row: Row }[]
  bytes: number
  /** Milliseconds since 1970. */
  readonly since: number
}

/** Over all open shards: then the largest is closed. */
const mostBytes = 128 * 1024 * 1024

const padded = (n: number, width: number) => String(n).padStart(width, '0')

/** `samples-00003-0000000000000120-0000000000000533.jsonl`: from the first position to before the second. */
export const shardName = (
  topic: string,
  { partition, from, until }: Pick<Shard, 'partition' | 'from' | 'until'>,
  type: string,
) => `${topic}-${padded(partition, 5)}-${padded(from, 16)}-${padded(until, 16)}.${type}`

const pattern = /-(\d{5})-(\d{16})-(\d{16})\.(?:jsonl|parquet)$/

/** Where each partition's newest shard ends. */
const reachedIn = (folder: string): Map<number, number> => {
  const reached = new Map<number, number>()
  for (const file of readdirSync(folder)) {
    if (file.endsWith('.partial')) rmSync(join(folder, file), { force: true }) // of one who was killed
    const [, partition, , until] = pattern.exec(file)?.map(Number) ?? []
    if (partition !== undefined) reached.set(partition, Math.max(reached.get(partition) ?? 0, until ?? 0))
  }
  return reached
}

const note = 'export.json'

/** @throws Fatal when the folder holds shards of something else. */
const claimed = async (folder: string, about: object) => {
  const path = join(folder, note)
  const text = JSON.stringify(about)
  try {
    mkdirSync(folder, { recursive: true })
    if (!existsSync(path)) return void (await writeLines(path, [text]))
  } catch (error) {
    throw trouble(folder, error)
  }
  const there = readFileSync(path, 'utf8').trim()
  if (there === text) return
  throw new Fatal(`${folder} holds an export of something else (${there}, not ${text}): name another folder with --out`)
}

/** Where to begin. @throws Fatal when records are gone that no shard holds (I9). */
const startOf = ({ partitions }: TopicInfo, reached: Map<number, number>, folder: string, name: string) =>
  partitions.map(({ first }, partition) => {
    const at = reached.get(partition)
    if (at !== undefined && at < first)
      throw new Fatal(
        `${name} partition ${partition} begins at ${first}, and the shards in ${folder} end at ${at}: the records between ` +
          'were deleted before they were exported; to go on without them, name another folder with --out',
      )
    return at ?? first
  })

const written = async (topic: string, shard: Shard, { folder, type, format }: Rolling) => {
  const file = join(folder, shardName(topic, shard, type))
  if (type === 'jsonl')
    await writeLines(
      file,
      shard.rows.map(({ row }) => JSON.stringify(row)),
    )
  else {
    const rows = shard.rows.map(({ key, row }) => tabular(format, key, row))
    await writeBytes(file, parquetOf(rows, columnsOf[format]))
  }
  return file
}

/** Shards that are open, and how they are closed: one after the other, in the order in which they filled. */
const shards = (topic: string, rolling: Rolling, now: () => number) => {
  const open = new Map<number, Shard>()
  let writing = Promise.resolve()
  const close = (shard: Shard) => {
    open.delete(shard.partition)
    writing = writing.then(async () => rolling.onShard(await written(topic, shard, rolling), shard.rows.length))
    return writing
  }
  const largest = () => [...open.values()].reduce((a, b) => (a.bytes >= b.bytes ? a : b))
  const held = () => [...open.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  return {
    async add({ partition, position, key, value }: Stored, row: Row, from: number) {
      const shard = open.get(partition) ?? { partition, from, until: from, rows: [], bytes: 0, since: now() }
      open.set(partition, shard)
      shard.rows.push({ key: String(key), row })
      shard.until = position + 1
      shard.bytes += value?.length ?? 0
      if (shard.rows.length >= rolling.records) await close(shard)
      else if (held() > mostBytes) await close(largest())
    },
    closeDue() {
      for (const shard of open.values()) if (now() - shard.since >= rolling.seconds * 1000) void close(shard)
      return writing
    },
    async closeAll() {
      for (const shard of [...open.values()]) void close(shard)
      await writing
    },
  }
}

/** One that was told to stop writes what it holds first: this long, in milliseconds, the next one waits for it. */
const patience = 5_000

/**
 * Writes shards until the signal aborts, or until what was there has been written. Records under way are written before
 * it ends; only a crash leaves them to the next one.
 * @throws Fatal while another process writes into the folder
 */
export const follow = async (world: World, topic: Topic, rolling: Rolling, signal: AbortSignal): Promise<void> => {
  const { log, names } = world
  const { folder, about } = rolling
  const name = names.topic(topic)
  const info = await log.describe(name)
  if (!info) throw new Fatal(`topic ${name} is gone`)
  await claimed(folder, { topic: name, id: info.id, ...about })
  const busy = `another export writes into ${folder}: let it end, or name another folder with --out`
  await locked(join(folder, '.export'), () => rolled(world, topic, info, rolling, signal), patience, busy)
}

const rolled = async (world: World, topic: Topic, info: TopicInfo, rolling: Rolling, signal: AbortSignal) => {
  const { log, names, now } = world
  const name = names.topic(topic)
  const from = startOf(info, reachedIn(rolling.folder), rolling.folder, name)
  const own = shards(topic.name, rolling, now)
  const failing = new AbortController()
  const tick = setInterval(() => void own.closeDue().catch((error: unknown) => failing.abort(error)), 200)
  try {
    const until = rolling.untilEmpty ? info.partitions.map(({ end }) => end) : 'forever'
    const reading = AbortSignal.any([signal, failing.signal])
    for await (const record of log.read(name, { from, until, signal: reading })) {
      const row = await rolling.row(record)
      if (!row) continue
      await own.add(record, row, from[record.partition]!)
      from[record.partition] = record.position + 1
    }
    failing.signal.throwIfAborted()
    await own.closeAll()
  } finally {
    clearInterval(tick)
  }
}
