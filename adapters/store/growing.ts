/** When an index takes in what is new and when it is saved: between searches, a little at a time. */
import type { Approximate, Rows } from './approximate.ts'

export interface Growing {
  /** Before each search: from the first one on the index follows the store. A store that is only written to needs none. */
  begin(): void
  /** Goes on where there is much that is new. */
  look(): void
  /** Takes in so many rows at once, for somebody who waits for all; saved at the end, and now and then before. */
  build(rows: number): { done: number; left: number }
  close(): void
}

/** So many rows more to look at one by one are not felt. */
const slack = 512
/** Rows at a time: some milliseconds, even of long vectors. */
const step = 16
/** Searches that wait are answered many at once: then as much time is the index's, but no more than this at a stretch. */
const [shortest, longest] = [10, 500]
/** Of what is saved, as a share; and at least. What was not saved is taken in again by whoever opens the store next. */
const [share, least] = [0.05, 2000]
/** Between saves while all is built, so that one who is killed goes on from there. Milliseconds. */
const saveEvery = 120_000

export interface GrowingOptions {
  readonly index: Approximate
  readonly rows: () => Rows
  /** The newest change number that was ever given. */
  readonly last: () => number
  /** Each search waits until all is taken in: for tests. */
  readonly eager: boolean
}

/** @throws what the index throws, from `begin` and `build`: a failure in between is told to the next search. */
export const growing = ({ index, rows, last, eager }: GrowingOptions): Growing => {
  let [begun, closed, savedAt] = [false, false, performance.now()]
  /** When the index was last let grow. */
  let ended = 0
  let timer: NodeJS.Immediate | undefined
  let failure: { readonly error: unknown } | undefined

  const open = () => {
    if (begun) return
    index.begin(rows(), last())
    begun = true
  }
  const worthSaving = () => index.unsaved() > Math.max(least, share * rows().changes.length)
  const growFor = (milliseconds: number) => {
    const until = performance.now() + milliseconds
    do index.grow(rows(), step)
    while (index.behind(rows()) > 0 && performance.now() < until)
  }
  const go = () => {
    timer = undefined
    try {
      growFor(Math.min(longest, Math.max(shortest, performance.now() - ended)))
      ended = performance.now()
      if (index.behind(rows()) > 0) return follow()
      if (worthSaving()) index.save()
    } catch (error) {
      failure = { error }
    }
  }
  const follow = () => {
    if (!closed) timer ??= setImmediate(go)
  }
  const look = () => {
    if (!begun || failure || timer || index.behind(rows()) <= slack) return
    ended = performance.now()
    follow()
  }
  return {
    look,
    begin() {
      if (failure) throw failure.error
      const first = !begun
      open()
      if (first) look()
      while (eager && index.behind(rows()) > 0) index.grow(rows(), step)
    },
    build(some) {
      open()
      index.grow(rows(), some)
      const left = index.behind(rows())
      if (index.unsaved() > 0 && (left === 0 || performance.now() - savedAt > saveEvery)) {
        index.save()
        savedAt = performance.now()
      }
      return { done: rows().changes.length - left, left }
    },
    close() {
      closed = true
      clearImmediate(timer)
    },
  }
}
