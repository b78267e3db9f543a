/** What the store's thread holds in memory of its file, kept up to date with what any process writes. */
import { Fatal } from '../../runtime/errors.ts'
import type { Approximate, Rows } from './approximate.ts'
import { best, type Scored } from './best.ts'
import { floats, type Change, type PassageFile } from './file.ts'
import { lexicon, type Lexicon } from './lexicon.ts'
import { vectors } from './vectors.ts'

export interface Held {
  /** Reads what is new; call within `file.reading`. */
  catchUp(): void
  /** Change numbers with scores, best first. */
  near(vector: Float32Array, k: number): Scored[]
  match(text: string, k: number): Scored[]
  /** The change number that a result's slot stands for. */
  changeAt(slot: number): number
  count(): number
  /** For the index; as they are now. */
  rows(): Rows
  /** The newest change that was read, and how many removed passages were met on the way. */
  position(): number
  removed(): number
}

/**
 * A slot is never used twice, so that postings of a dead slot can stay; when most are dead, all is read anew.
 * @param index that spares `near` to look at every vector
 */
export const hold = (file: PassageFile, dimension: number, index?: Approximate): Held => {
  let held = nothing(dimension)
  let lexical: Lexicon | undefined

  const release = (id: string) => {
    const slot = held.slots.get(id)
    if (slot === undefined) return
    lexical?.remove(slot)
    held.alive[slot] = 0
    held.slots.delete(id)
  }
  const apply = (row: Change) => {
    held.position = row.change
    release(row.id)
    if (row.vector === null) return void held.removed++
    const slot = held.ids.push(row.id) - 1
    if (slot >= held.alive.length) held.alive = grown(held.alive)
    held.changes.push(row.change)
    held.vectors.set(slot, checked(row, dimension))
    held.alive[slot] = 1
    held.slots.set(row.id, slot)
    lexical?.add(slot, `${row.title ?? ''} ${row.text ?? ''}`)
  }
  const startOver = () => {
    held = nothing(dimension)
    lexical &&= lexicon()
  }
  const catchUp = () => {
    const dead = held.ids.length - held.slots.size
    if (file.pruned() > held.position || dead > 1000 + held.slots.size) startOver()
    for (const row of file.changes(held.position, lexical !== undefined)) apply(row)
  }
  const ranked = (k: number) => best(k, (slot) => held.ids[slot] ?? '')
  return {
    catchUp,
    near: (vector, k) => {
      const found = index?.near(held, vector, k, () => ranked(k))
      if (found) return found
      const kept = ranked(k)
      held.vectors.near(vector, 0, held.ids.length, held.alive, kept)
      return kept.list()
    },
    match: (text, k) => {
      if (lexical === undefined) {
        lexical = lexicon()
        startOver()
        catchUp()
      }
      const kept = ranked(k)
      lexical.match(text, held.alive, kept)
      return kept.list()
    },
    changeAt: (slot) => held.changes[slot] ?? 0,
    count: () => held.slots.size,
    rows: () => held,
    position: () => held.position,
    removed: () => held.removed,
  }
}

const nothing = (dimension: number) => ({
  position: 0,
  removed: 0,
  ids: [] as string[],
  changes: [] as number[],
  slots: new Map<string, number>(),
  alive: new Uint8Array(1024),
  vectors: vectors(dimension),
})

const grown = (alive: Uint8Array<ArrayBuffer>) => {
  const twice = new Uint8Array(alive.length * 2)
  twice.set(alive)
  return twice
}

const checked = ({ id, vector }: Change, dimension: number): Float32Array => {
  const found = floats(vector ?? new Uint8Array())
  if (found.length !== dimension)
    throw new Fatal(
      `the store's vector of passage ${id} has ${found.length} numbers instead of ${dimension}: the file is damaged`,
    )
  return found
}
