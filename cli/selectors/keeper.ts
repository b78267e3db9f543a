/**
 * What is in force in this process: opened beside what chooses now, put in its place between two records, and closed
 * after the last record that it was handed to.
 */
import type { Selector } from '../../method/ports.ts'
import type { InForce } from '../../method/selector.ts'
import { Fatal, Unavailable } from '../../runtime/errors.ts'
import { branch, delay, pause, toError } from '../../runtime/wait.ts'
import { unlessStopped } from '../stopping.ts'
import { hold, type Held } from './held.ts'

export interface Wanted {
  /** sha256; empty: retrieval order. */
  readonly champion: string
  /** Once in force, newest first: what a process that has none yet falls back to. */
  readonly before: readonly string[]
  readonly shadow: { readonly sha256: string; readonly share: number } | null
}

export interface Keeping {
  /** By sha256; empty: retrieval order. @throws Fatal or Unavailable with the sentence */
  readonly open: (sha256: string, signal: AbortSignal) => Promise<Selector>
  /** What protects the one that chooses, and the one that is only watched. */
  readonly guarded: (selector: Selector) => Selector
  readonly watched: (selector: Selector) => Selector
  /** One takes the place of another (undefined: there was none). */
  readonly taken: (selector: Selector, before: Selector | undefined) => void
  /** One cannot be had; `stays` is what chooses, undefined: nothing yet, or it was only to be watched. */
  readonly refused: (sha256: string, error: Error, stays: Selector | undefined) => void
}

export interface Keeper {
  /** From now on this is wanted, whatever was wanted before. */
  want(wanted: Wanted): void
  /** What is in force now, to be released; waits for the first, and for what is watched then. @throws Fatal where none can be had */
  inForce(signal: AbortSignal): InForce | Promise<InForce>
  /** What is wanted is not what chooses. */
  readonly behind: boolean
  close(): Promise<void>
}

const again = { from: 500, to: 30_000 }
/** How long records that were given up are waited for at the end, in milliseconds. */
const patience = 5000

/** A selector as it is handed out. */
interface Given {
  readonly held: Held
  readonly selector: Selector
}

interface Present {
  readonly champion: Given
  readonly shadow: (Given & { readonly share: number }) | undefined
}

export const keeper = ({ open, guarded, watched, taken, refused }: Keeping): Keeper => {
  const life = new AbortController()
  const holding = new Map<string, Held>()
  const closing = new Set<Promise<void>>()
  let present: Present | undefined
  let wanted: Wanted | undefined
  let trying = branch(life.signal)
  let running: Promise<void> = Promise.resolve()
  const first = Promise.withResolvers<void>()
  first.promise.catch(() => {})

  /** Whoever begins begins with both. */
  let isBegun = false
  const begin = () => {
    isBegun = true
    first.resolve()
  }

  const held = async (sha256: string, signal: AbortSignal): Promise<Held> => {
    const there = holding.get(sha256)
    if (there) return there
    const selector = await open(sha256, signal)
    const made = hold(selector)
    holding.set(sha256, made)
    return made
  }

  /** What nobody wants any more is closed once its last record is done. */
  const retire = () => {
    for (const [sha256, one] of holding) {
      if (one === present?.champion.held || one === present?.shadow?.held) continue
      holding.delete(sha256)
      const closed = one.retire().catch(() => {})
      closing.add(closed)
      void closed.then(() => closing.delete(closed))
    }
  }

  /** @returns whether it is worth trying again, since the world was at fault */
  const tried = async (
    sha256: string,
    signal: AbortSignal,
    use: (held: Held) => void,
    stays: () => Held | undefined,
  ) => {
    try {
      const found = await held(sha256, signal)
      signal.throwIfAborted()
      use(found)
      return { done: true, passing: false, error: undefined }
    } catch (thrown) {
      signal.throwIfAborted()
      const error = toError(thrown)
      refused(sha256, error, stays()?.selector)
      return { done: false, passing: error instanceof Unavailable, error }
    }
  }

  const crown = (held: Held) => {
    if (present?.champion.held === held) return
    const before = present?.champion.held.selector
    present = { champion: { held, selector: guarded(held.selector) }, shadow: present?.shadow }
    taken(held.selector, before)
  }

  const chosen = async ({ champion, before }: Wanted, signal: AbortSignal) => {
    let [passing, error] = [false, undefined as Error | undefined]
    for (const sha256 of present ? [champion] : [champion, ...before]) {
      const one = await tried(sha256, signal, crown, () => present?.champion.held)
      passing ||= one.passing
      error ??= one.error
      if (one.done) return passing
    }
    if (!present && !passing) first.reject(error ?? new Fatal('no selector can be had'))
    return passing
  }

  const watching = async ({ shadow, champion }: Wanted, signal: AbortSignal) => {
    if (!present) return false
    const of = (held: Held, share: number) => {
      const selector = present?.shadow?.held === held ? present.shadow.selector : watched(held.selector)
      present = { ...present!, shadow: { held, selector, share } }
    }
    const end = () => (present = { ...present!, shadow: undefined })
    if (!shadow || shadow.sha256 === champion) {
      end()
      return false
    }
    const { sha256, share } = shadow
    const { done, passing } = await tried(sha256, signal, (held) => of(held, share), () => undefined) // prettier-ignore
    if (!done) end()
    return passing
  }

  /** Until what is wanted is in force, or will never be. */
  const apply = async (target: Wanted, signal: AbortSignal) => {
    for (let failures = 0; !signal.aborted; failures++) {
      const passing = await chosen(target, signal)
      const other = await watching(target, signal)
      if (present) begin()
      retire()
      if (!passing && !other) return
      await pause(delay(again, failures), signal)
    }
  }

  return {
    want(target) {
      wanted = target
      trying.abort(new Error('something else is wanted'))
      trying.release()
      trying = branch(life.signal)
      const { signal } = trying
      running = running.then(() => apply(target, signal)).catch(() => {}) // given up for what is wanted next
    },
    inForce(signal) {
      if (present && isBegun) return lease(present)
      const given = async () => {
        await unlessStopped(first.promise, signal, async () => {})
        if (!present) throw new Fatal('no selector is in force any more: this process is stopping')
        return lease(present)
      }
      return given()
    },
    get behind() {
      return wanted !== undefined && holding.get(wanted.champion) !== present?.champion.held
    },
    async close() {
      life.abort()
      first.reject(new Fatal('stopped'))
      await running
      present = undefined
      retire()
      const late = new AbortController() // a step that was given up may never let go
      await Promise.race([Promise.all(closing), pause(patience, late.signal)])
      late.abort()
    },
  }
}

const lease = ({ champion, shadow }: Present): InForce => {
  const [leave, leaveShadow] = [champion.held.take(), shadow?.held.take()]
  return {
    selector: champion.selector,
    shadow: shadow && { selector: shadow.selector, share: shadow.share },
    release() {
      leave()
      leaveShadow?.()
    },
  }
}
