import { basename } from 'node:path'
import { fingerprint, readPassages, readQueries, type Line } from '../adapters/files/index.ts'
import { Fatal } from '../runtime/errors.ts'
import type { Item } from '../runtime/source.ts'
import type { Message } from '../runtime/topic.ts'
import type { Passage } from '../schemas/passage.ts'
import type { RunEntry } from '../schemas/control.ts'
import type { Query } from '../schemas/query.ts'
import { passages, queries } from '../topics/index.ts'
import type { Io } from './command.ts'
import { progress } from './progress.ts'
import { fill, openRun, type Opening } from './runs.ts'
import type { World } from './world.ts'

type Read<T> = (path: string) => AsyncGenerator<Line<T>>

/** One kind of file that enters the stream. */
export interface Kind<T> {
  readonly what: string
  readonly read: Read<T>
  readonly message: (value: T, run: string, now: number) => Message
}

export const passageFile: Kind<Passage> = {
  what: 'passages',
  read: readPassages,
  message: (passage, run) => passages.message(passage, { run }),
}

/** @param dataset for queries that name none. */
export const queryFile = (dataset: string | undefined): Kind<Query> => ({
  what: 'queries',
  read: readQueries,
  message: (query, run, asked_at) => {
    const named = query.dataset === '' && dataset !== undefined ? { ...query, dataset } : query
    return queries.message({ run, asked_at, query: named }, { run })
  },
})

/** A file as it was read once, whole: nothing of it enters before all of it was found good. */
export interface Surveyed {
  readonly path: string
  readonly sha256: string
  readonly count: number
}

const survey = async <T>(path: string, { read }: Kind<T>, limit: number, signal: AbortSignal): Promise<Surveyed> => {
  const { sha256 } = await fingerprint(path)
  let count = 0
  for await (const _ of read(path)) {
    signal.throwIfAborted()
    if (++count >= limit) break
  }
  return { path, sha256: limit === Infinity ? sha256 : `${sha256.slice(0, 56)}-${limit}`, count }
}

/** `queries-1f2e3d4c`: the same content finds its run again. */
const defaultName = ({ path, sha256 }: Surveyed) =>
  `${basename(path)
    .replace(/\.(jsonl?|gz)/g, '')
    .replace(/[^A-Za-z0-9_.-]/g, '-')}-${sha256.slice(0, 8)}`

export interface Import<T> {
  readonly path: string
  readonly kind: Kind<T>
  readonly run: string | undefined
  readonly topology: Opening['topology']
  /** Only the first so many records. */
  readonly limit?: number | undefined
}

/** Brings a file into a run of the stream, once: the same command again finds what is there and adds what is not. */
export const bring = async <T>(world: World, io: Io, file: Import<T>): Promise<RunEntry> => {
  const { kind, limit = Infinity } = file
  const surveyed = await survey(file.path, kind, limit, io.signal)
  const { path, sha256, count } = surveyed
  if (count === 0) throw new Fatal(`${path} holds no ${kind.what}`)
  const opening = { run: file.run ?? defaultName(surveyed), topology: file.topology, source: `${sha256} ${path}` }
  const entry = await openRun(world, opening, io.signal)
  const bar = progress(`entering ${kind.what}`, io.screen)
  const items = async function* (from: number): AsyncGenerator<Item> {
    let position = 0
    for await (const { value } of kind.read(path)) {
      if (++position > from) yield { message: kind.message(value, entry.run, world.now()), position }
      if (position >= limit) return
    }
  }
  const filled = await fill(world, entry, items, io.signal, (entered) => bar.update(entered, count))
  return filled
}
