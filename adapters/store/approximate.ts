/**
 * The optional index of a store: a graph finds what may be near, and exact inner products put it in order. The graph may
 * lag behind: what it does not hold yet is looked at one by one, and what it holds of replaced and removed passages is
 * left out. So writes never wait for it, and searches see all that was written.
 */
import { existsSync, rmSync } from 'node:fs'
import { Fatal, sentence } from '../../runtime/errors.ts'
import type { Best, Scored } from './best.ts'
import { graphKind, type Graph } from './graph.ts'
import { loadSaved, save, savedAbout } from './saved.ts'
import type { Vectors } from './vectors.ts'

/** What a store holds in memory, by slot; all three belong together. */
export interface Rows {
  /** Change numbers, ascending. */
  readonly changes: readonly number[]
  readonly alive: Uint8Array
  readonly vectors: Vectors
}

export interface Approximate {
  /** Reads the saved graph where there is one that fits, and throws away what does not. `last` is the newest change number that was ever given. */
  begin(rows: Rows, last: number): void
  /** Best first; undefined where all rows must be looked at instead. */
  near(rows: Rows, vector: Float32Array, k: number, best: () => Best): Scored[] | undefined
  /** How many rows are not in the graph yet. */
  behind(rows: Rows): number
  /** Takes in up to `most` of them. */
  grow(rows: Rows, most: number): void
  /** How many rows the graph has taken in since it was saved or read. */
  unsaved(): number
  /** Where nobody has saved a newer one. */
  save(): void
}

export interface ApproximateOptions {
  /** Of the saved graph. */
  readonly path: string
  /** Which store it is: see `About`. */
  readonly store: string
  readonly dimension: number
  readonly make: () => Graph
  /** The graph is asked even where it holds so few rows that they are faster looked at one by one. */
  readonly always?: boolean
}

/** The graph is asked where it holds so many times what is wanted of it. */
const worthwhile = 8

/** So many are wanted of the graph for k: it orders them by vectors of half the precision, and misses some. */
const wantedFor = (k: number): number => Math.max(160, 2 * k)

/** What cannot be read is as good as absent. */
const attempted = (read: () => boolean): boolean => {
  try {
    return read()
  } catch {
    return false
  }
}

/** How many of the ascending numbers are at most `number`. */
const upTo = (ascending: readonly number[], number: number): number => {
  let [low, high] = [0, ascending.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ascending[middle] ?? 0) <= number) low = middle + 1
    else high = middle
  }
  return low
}

export const approximate = ({ path, store, dimension, make, always = false }: ApproximateOptions): Approximate => {
  let graph = make()
  /** The graph holds all living rows up to this change number. */
  let position = 0
  let [living, saved] = [0, 0]
  /** The rows as they were when the living ones were counted. */
  let counted = { changes: [] as readonly number[], length: 0 }

  const startOver = () => {
    graph = make()
    ;[position, living, saved] = [0, 0, 0]
  }
  const count = ({ changes, alive }: Rows) => {
    living = 0
    counted = { changes, length: changes.length }
    for (let slot = upTo(changes, position) - 1; slot >= 0; slot--) living += alive[slot] ?? 0
  }
  const dead = () => graph.size() - living

  /** Whether the saved graph was read, and is one of this store. */
  const read = (rows: Rows, last: number): boolean => {
    const about = loadSaved(path, (from) => graph.load(from))
    if (about?.store !== store || about.kind !== graphKind || about.dimension !== dimension) return false
    ;[position, saved] = [about.position, about.size]
    count(rows)
    return position <= last && saved === graph.size() && dead() >= 0
  }
  const add = ({ changes, alive, vectors }: Rows, slots: readonly number[]) => {
    const flat = new Float32Array(slots.length * dimension)
    slots.forEach((slot, i) => vectors.copy(slot, flat, i * dimension))
    const keys = slots.map((slot) => changes[slot] ?? 0)
    if (slots.length > 0) graph.add(keys, flat)
    living += slots.reduce((sum, slot) => sum + (alive[slot] ?? 0), 0)
  }
  return {
    begin(rows, last) {
      if (!existsSync(path) || attempted(() => read(rows, last))) return
      rmSync(path, { force: true })
      startOver()
    },
    near(rows, vector, k, fresh) {
      const { changes, alive, vectors } = rows
      const reached = upTo(changes, position)
      const wanted = Math.ceil(wantedFor(k) * (1 + dead() / Math.max(1, living)))
      if (!always && reached < wanted * worthwhile) return undefined
      const best = fresh()
      let found = 0
      for (const change of graph.near(vector, wanted)) {
        const slot = upTo(changes, change) - 1
        if (changes[slot] !== change || alive[slot] !== 1) continue
        best.add(slot, vectors.product(vector, slot))
        found++
      }
      if (found < Math.min(k, living)) return undefined
      vectors.near(vector, reached, changes.length, alive, best)
      return best.list()
    },
    behind: ({ changes }) => changes.length - upTo(changes, position),
    grow(rows, most) {
      if (counted.changes !== rows.changes || counted.length !== rows.changes.length) count(rows)
      if (dead() > 1000 + living) startOver()
      const from = upTo(rows.changes, position)
      const to = Math.min(from + most, rows.changes.length)
      const slots = Array.from({ length: to - from }, (_, i) => from + i).filter((slot) => rows.alive[slot] === 1)
      try {
        add(rows, slots)
      } catch (error) {
        startOver()
        throw new Fatal(
          `the index beside ${path} cannot be built (${sentence(error)}); give it more memory, or choose store.index: flat`,
          { cause: error },
        )
      }
      position = rows.changes[to - 1] ?? position
    },
    unsaved: () => graph.size() - saved,
    save() {
      const there = savedAbout(path)
      if (there?.store !== store || there.kind !== graphKind || there.position < position)
        save(path, { store, kind: graphKind, dimension, position, size: graph.size() }, (to) => graph.save(to))
      saved = graph.size()
    },
  }
}
