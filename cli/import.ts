import { basename } from 'node:path'
import {
  fingerprint,
  readCandidates,
  readPassages,
  readQueries,
  type GivenCandidates,
  type Line,
  type ReadOptions,
} from '../adapters/files/index.ts'
import { assembleCandidates } from '../method/candidates.ts'
import { givenCandidates } from '../method/given.ts'
import { Fatal } from '../runtime/errors.ts'
import type { Item } from '../runtime/source.ts'
import type { Message } from '../runtime/topic.ts'
import type { Passage } from '../schemas/passage.ts'
import type { RunEntry } from '../schemas/control.ts'
import type { Query } from '../schemas/query.ts'
import { candidates, passages, queries } from '../topics/index.ts'
import type { Io } from './command.ts'
import type { Config } from './config.ts'
import { progress, remarks, slowly } from './progress.ts'
import { fill, openRun, type Opening } from './runs.ts'
import type { World } from './world.ts'

type Read<T> = (path: string, options?: ReadOptions) => AsyncGenerator<Line<T>>

/** One kind of file that enters the stream. */
export interface Kind<T> {
  readonly what: string
  readonly read: Read<T>
  readonly message: (value: T, run: string, now: number) => Message
  /** What else decides the records, beside the file: the same file under another one is other content. */
  readonly variant?: string | undefined
}

export const passageFile: Kind<Passage> = {
  what: 'passages',
  read: readPassages,
  message: (passage, run) => passages.message(passage, { run }),
}

const named = (query: Query, dataset: string | undefined): Query =>
  query.dataset === '' && dataset !== undefined ? { ...query, dataset } : query

/** @param dataset for queries that name none. */
export const queryFile = (dataset: string | undefined): Kind<Query> => ({
  what: 'queries',
  variant: dataset,
  read: readQueries,
  message: (query, run, asked_at) => queries.message({ run, asked_at, query: named(query, dataset) }, { run }),
})

/** Queries that bring their candidates: as many of a list are taken as would be retrieved. */
export const candidatesIn = ({ retrieve: { k } }: Config, dataset: string | undefined): Kind<GivenCandidates> => ({
  what: 'queries with candidates',
  variant: [dataset ?? '', `k=${k}`].join(' ').trim(),
  read: readCandidates,
  message: ({ query: given, passages: list }, run, asked_at) => {
    const query = named(given, dataset)
    const passages = assembleCandidates(query, givenCandidates(list), null, { limit: k })
    return candidates.message({ run, asked_at, query, passages }, { run })
  },
})

export interface Import<T> {
  readonly path: string
  readonly kind: Kind<T>
  readonly run: string | undefined
  readonly topology: Opening['topology']
  /** Where passages go; empty: to the current collection. */
  readonly collection?: string | undefined
  /** Only the first so many records. */
  readonly limit?: number | undefined
}

/** A file as it was read once, whole: nothing of it enters before all of it was found good. */
export interface Surveyed {
  readonly path: string
  /** Of the content, with what else decides the records. */
  readonly sha256: string
  readonly count: number
}

/**
 * Reads a file to its end before anything is made or entered, so that a bad one leaves nothing behind.
 * @throws Rejected or Fatal with the file and the line.
 */
export const survey = async <T>({ path, kind, limit = Infinity }: Import<T>, io: Io): Promise<Surveyed> => {
  const { sha256 } = await fingerprint(path)
  const bar = slowly(`checking ${kind.what}`, io.screen)
  let count = 0
  const { hold, say } = remarks(io.screen)
  for await (const _ of kind.read(path, { signal: io.signal, onIgnored: hold })) {
    bar.update(++count)
    if (count >= limit) break
  }
  if (count === 0) throw new Fatal(`${path} holds no ${kind.what}`)
  say()
  const variant = [...(limit === Infinity ? [] : [limit]), ...(kind.variant === undefined ? [] : [kind.variant])]
  return { path, sha256: [sha256, ...variant.map((each) => encodeURIComponent(each))].join('-'), count }
}

const evaluated: ReadonlySet<Opening['topology']> = new Set(['finding', 'offered'] as const)

/** `queries-1f2e3d4c`: the same content finds its run again, one for each purpose. */
export const defaultName = ({ path, sha256 }: Surveyed, topology: Opening['topology']) =>
  `${basename(path)
    .replace(/\.(jsonl?|tsv|parquet|gz)/g, '')
    .replace(/[^A-Za-z0-9_.-]|^\./g, '-')
    .slice(0, 100)}-${sha256.slice(0, 8)}${evaluated.has(topology) ? '-evaluate' : ''}`

/** Brings a file into a run of the stream, once: the same command again finds what is there and adds what is not. */
export const bring = async <T>(world: World, io: Io, file: Import<T>, known?: Surveyed): Promise<RunEntry> => {
  const { kind, limit = Infinity } = file
  const surveyed = known ?? (await survey(file, io))
  const { path, sha256, count } = surveyed
  const opening = {
    run: file.run ?? defaultName(surveyed, file.topology),
    topology: file.topology,
    source: `${sha256} ${path}`,
    collection: file.collection,
  }
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
