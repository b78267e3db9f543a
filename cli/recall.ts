/** How well the collection is searched: which place have gold passages and answers, by meaning, by words and fused? */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readQueries } from '../adapters/files/index.ts'
import { retriever, type Fuse, type Mode } from '../adapters/retriever.ts'
import type { Embedder, PassageSearch } from '../method/ports.ts'
import { answerRank, goldRank } from '../method/recall.ts'
import { Fatal } from '../runtime/errors.ts'
import type { Query } from '../schemas/query.ts'
import { chosen, type Chosen, type Choosing } from './recall-selected.ts'

export const rankings = ['dense', 'sparse', 'fused'] as const satisfies readonly Mode[]

/** From 1; null: not among the deepest that were looked at. */
export interface Places {
  /** Of the first gold passage. */
  readonly gold: number | null
  /** Of the first passage that holds an answer. */
  readonly answer: number | null
}

export interface Recalled {
  readonly query: Query
  readonly places: Readonly<Record<Mode, Places>>
  /** Of selectors, where some were asked. */
  readonly chosen?: Chosen | undefined
}

/** A folder stands for its evaluation files. @throws Fatal for a folder without any */
export const queryFiles = (paths: readonly string[]): string[] =>
  paths.flatMap((path) => {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [path]
    const files = readdirSync(path).filter((name) => name.endsWith('.eval.jsonl'))
    if (files.length === 0) throw new Fatal(`${path} holds no file *.eval.jsonl: name the files of queries themselves`)
    return files.toSorted().map((name) => join(path, name))
  })

export interface Reading {
  /** For queries that name none. */
  readonly dataset: string | undefined
  readonly signal: AbortSignal
  readonly onIgnored: (sentence: string) => void
}

/** All queries of the files, in their order, with or without golds. @throws Rejected with the file and the line */
export const queriesOf = async (paths: readonly string[], { dataset = '', ...options }: Reading): Promise<Query[]> => {
  const queries: Query[] = []
  for (const path of queryFiles(paths))
    for await (const { value } of readQueries(path, options))
      queries.push(value.dataset === '' ? { ...value, dataset } : value)
  return queries
}

export interface Searching {
  readonly embedder: Embedder
  readonly search: PassageSearch
  readonly fuse: Fuse
  /** How far down each ranking is read before two are fused. */
  readonly depth: number
  /** How many of each ranking are looked at. */
  readonly deepest: number
  /** Who chooses among the fused candidates, and among how many. */
  readonly choosing?: Pick<Choosing, 'selectors' | 'candidates'> | undefined
  readonly signal: AbortSignal
}

/** For one question: it is embedded once, and each ranking is read once, however many want it. */
const sharing = ({ embedder, search }: Searching): { embedder: Embedder; store: PassageSearch } => {
  const made = new Map<string, Promise<unknown>>()
  const once = <T>(what: string, make: () => Promise<T>): Promise<T> => {
    const found = made.get(what) ?? make()
    made.set(what, found)
    return found as Promise<T>
  }
  return {
    embedder: {
      identity: embedder.identity,
      embed: (texts, as, signal) => once('embed', () => embedder.embed(texts, as, signal)),
      close: () => embedder.close(),
    },
    store: {
      near: (vector, k, signal) => once(`near ${k}`, () => search.near(vector, k, signal)),
      match: (text, k, signal) => once(`match ${k}`, () => search.match(text, k, signal)),
      count: () => search.count(),
    },
  }
}

const searched = async (query: Query, searching: Searching): Promise<Recalled> => {
  const { fuse, depth, deepest, choosing, signal } = searching
  const ports = sharing(searching)
  const placesOf = async (mode: Mode): Promise<readonly [Mode, Places]> => {
    const found = await retriever({ ...ports, mode, depth, fuse }).retrieve(query.question, deepest, signal)
    const gold = goldRank(found, query.gold_passage_ids)
    return [mode, { gold, answer: answerRank(found, query.answers, query.lang) }]
  }
  const fused = retriever({ ...ports, mode: 'fused', depth, fuse })
  const [choices, ...places] = await Promise.all([
    choosing && chosen(query, { ...choosing, retriever: fused, signal }),
    ...rankings.map(placesOf),
  ])
  return { query, places: Object.fromEntries(places) as Record<Mode, Places>, chosen: choices }
}

/** Questions under way at once: they share batches of the encoder, and wait for the store in a short queue. */
const inFlight = 64

/** In the order of the queries. */
export const recall = async (
  queries: readonly Query[],
  searching: Searching,
  onProgress: (done: number, total: number) => void,
): Promise<Recalled[]> => {
  const results: Recalled[] = []
  let [next, done] = [0, 0]
  const lane = async () => {
    for (let at = next++; at < queries.length; at = next++) {
      results[at] = await searched(queries[at]!, searching)
      onProgress(++done, queries.length)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return results
}

/** Gold passages that the collection does not hold; undefined where it cannot say. */
export const absentGolds = async (
  queries: readonly Query[],
  { search, signal }: Pick<Searching, 'search' | 'signal'>,
): Promise<{ absent: ReadonlySet<string>; golds: number } | undefined> => {
  const golds = [...new Set(queries.flatMap(({ gold_passage_ids }) => gold_passage_ids))]
  const absent = new Set(golds)
  const some = 1000
  for (let at = 0; at < golds.length; at += some) {
    const held = await search.holds?.(golds.slice(at, at + some), signal)
    if (!held) return undefined
    for (const id of held) absent.delete(id)
  }
  return { absent, golds: golds.length }
}
