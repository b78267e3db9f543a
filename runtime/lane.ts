/**
 * One partition, worked on by one holder: take, work, settle.
 *
 * - L1 (I4) Fence first, then read what was settled, then take. In this order.
 * - L2 (I2) One transaction holds the outputs, totals and rejects of its records and their being settled.
 * - L3 (I3) Settled positions ahead of the prefix travel in the note; no batch waits for its slowest record.
 * - L4 (I4) After an outcome that is unknown the seat is opened anew and only what the log says counts; a completion
 *   that comes later counts if its record is still tracked and not settled.
 * - L5 (I5) An idle lane settles at once, a busy one at most every `commitEvery`.
 * - L6 (I6) Work, bytes and span are limited; at a limit nothing is taken, and the membership stays.
 * - L7 (I7) Draining settles what is finished and leaves the rest to the next owner.
 * - L8 (I9) A lane never resets itself: without a settled position where totals say that the stage has run, with a
 *   position of another topic of the same name, or before what the topic still holds, it stops with a sentence
 *   (resume.ts), unless somebody has decided just that (opening.ts).
 * - L9 (I2) A batch that the log refuses twice is halved until the guilty record stands alone; it becomes a reject.
 * - L10 (I6) A record that was given up by hand is a reject at once; what its step still brings counts for nothing.
 *
 * Longer than 250 lines because the order of what is awaited here is the invariant: taken apart, no file would show it.
 */
import type { Decision, Decisions } from './decisions.ts'
import { Fatal, sentence, Unavailable } from './errors.ts'
import { bytesOf, handle, rejected, type Handling, type Result } from './handle.ts'
import { upTo } from './input.ts'
import { ledger, type Books } from './ledger.ts'
import type { Claim, Log } from './log.ts'
import { measured, type Measuring } from './measure.ts'
import { writeNote } from './note.ts'
import { opening } from './opening.ts'
import { bell, branch, delay, pause, toError } from './wait.ts'
import { turns } from './turns.ts'
import { trackedWindow, type Entry } from './window.ts'
import type { Policy } from './policy.ts'

export interface LaneOptions<In, Ports> extends Handling<In, Ports> {
  readonly log: Log
  readonly books: Books
  readonly policy: Policy
  /** Which records were given up by hand. */
  readonly decisions?: Decisions | undefined
  /** Called once when the lane cannot go on: the process has to stop. */
  readonly onFatal: (error: Error) => void
  readonly end: Measuring['end']
}

export interface Lane {
  /** It knows where it goes on. */
  readonly opened: boolean
  /** Settles what is finished, leaves the rest. */
  drain(): Promise<void>
  /** Resolves when the lane has ended, whatever the reason. */
  readonly ended: Promise<void>
}

type Work = Entry<Result>

/** How long draining waits for a log that is away, in milliseconds. */
const patience = 15_000
/** At the span limit a record has this long, in milliseconds, before it is named. */
const short = 500

/** A log that is away is asked for often: once it is back, whoever still waited would stand still for nothing. */
const away = ({ from, to }: Policy['retry']) => ({ from, to: Math.min(to, 2_000) })

export const lane = <In, Ports>(claim: Claim, options: LaneOptions<In, Ports>): Lane => {
  const { policy, processor, observe, onFatal, input, decisions } = options
  const labels = { stage: processor.name, partition: claim.partition }
  const books = ledger(options.books, processor.name, claim.partition)
  const life = new AbortController() // ends everything: lost, fenced or fatal
  const hands = new AbortController() // ends the work in hand: that, or draining
  const room = bell() // rung when something may be taken
  const progress = bell() // rung when something may be settled
  const byKey = turns()
  const steps = new Map<Work, ReturnType<typeof branch>>() // under way, each with a signal of its own
  const until = input?.until[claim.partition] ?? Infinity
  let topicId = ''
  let window = trackedWindow<Result>({ position: 0, ahead: [] })
  let opened = false
  let draining = false
  let dead = false
  let suspected = 0 // how often in a row the log refused the batch
  let batchLimit = policy.batch.records
  let holding = { position: -1, since: 0, told: false } // the record that holds the lane back at its span limit
  let waitsForRelease = false
  const meter = measured({ ...options, ...labels }, () => (opened ? window : undefined))

  const end = () => {
    dead = true
    life.abort(new Error('the lane has ended'))
    hands.abort(life.signal.reason)
    room.ring()
    progress.ring()
    meter.stop()
  }
  const fail = (error: unknown) => {
    if (!dead && !claim.lost.aborted) onFatal(toError(error))
    end()
  }
  claim.lost.addEventListener('abort', end, { once: true })
  if (claim.lost.aborted) end()

  /** While the world is at fault, again; the lane keeps its place. */
  const patiently = async <T>(what: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    for (let failures = 0; ; failures++) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof Unavailable) || signal.aborted) throw error
        observe.logger.warn({ ...labels, error: sentence(error) }, `${what} has to wait`)
        await pause(delay(away(policy.retry), failures), signal)
        if (signal.aborted) throw error
      }
    }
  }

  /** L1. A lane that has worked is moved by nobody. */
  const open = () =>
    patiently('opening', life.signal, async () => {
      const decidable = opened ? undefined : decisions
      const found = await opening(claim, books, { ...options, decisions: decidable }, life.signal)
      topicId = found.topicId
      return found.start
    })

  const finish = (entry: Work, result: Result) => {
    if (!dead && window.finish(entry, result, bytesOf(result.records))) progress.ring()
  }

  /** L10. False for a decision on a topic that is no more. */
  const giveUp = (entry: Work, { reason, topic_id: of }: Decision): boolean => {
    if (of !== topicId) return false
    finish(entry, rejected(entry.record, { kind: 'given up', reason, attempts: 1 }, options))
    steps.get(entry)?.abort(new Error('given up by hand'))
    return true
  }
  const unfollow = decisions?.follow((decision) => {
    if (decision.stage !== processor.name || decision.partition !== claim.partition) return
    const entry = window.inWork(decision.position)
    if (entry && giveUp(entry, decision)) dispatch()
  })

  const inTurn = ({ record }: Work, signal: AbortSignal) => {
    const one = () => handle(record, options, signal)
    return policy.ordered && record.key ? byKey(record.key.toString('latin1'), one) : one()
  }
  const work = async (entry: Work) => {
    const { partition, position } = entry.record
    const step = branch(hands.signal)
    steps.set(entry, step)
    try {
      const decision = decisions?.find({ stage: processor.name, partition, position })
      if (!decision || !giveUp(entry, decision)) finish(entry, await inTurn(entry, step.signal))
    } catch (error) {
      if (error instanceof Fatal) fail(error) // anything else is the stop signal: the record stays unsettled
    } finally {
      steps.delete(entry)
      step.release()
    }
    dispatch()
  }

  const held = () => options.endpoints.length > 0 && options.endpoints.every(({ open }) => open)
  const whenReleased = () => {
    if (waitsForRelease || dead || draining || !held()) return
    waitsForRelease = true
    void Promise.race(options.endpoints.map((each) => each.ready(hands.signal))).then(() => {
      waitsForRelease = false
      dispatch()
    })
  }
  const dispatch = () => {
    while (!dead && !draining && !held() && window.working < policy.inFlight) {
      const entry = window.start()
      if (!entry) break
      void work(entry)
    }
    whenReleased()
    room.ring()
  }

  const atSpanLimit = () => {
    if (window.span < policy.span) return false
    const oldest = window.oldest()
    // What is finished waits for the log, not the lane for it; and whatever is soon done holds nobody back.
    if (oldest && oldest.state !== 'finished') {
      const { position, key } = oldest.record
      if (holding.position !== position) holding = { position, since: Date.now(), told: false }
      if (!holding.told && Date.now() - holding.since >= short) {
        holding.told = true
        const about = { ...labels, position, key: key?.toString() }
        observe.logger.warn(about, 'oldest unfinished record holds the lane back')
      }
    }
    return true
  }
  /** The log is slower than the work: what is done is enough for the next two settles, and more would only be held. */
  const outrun = () => window.finished >= 2 * policy.batch.records
  const full = () => window.bytes >= policy.bytes || window.waiting >= policy.batch.records || outrun() || atSpanLimit()

  const taking = async () => {
    while (!dead && !draining) {
      if (full() || window.next >= until) {
        await room.wait(1000)
        continue
      }
      const max = {
        records: Math.min(policy.batch.records - window.waiting, policy.span - window.span),
        bytes: policy.bytes - window.bytes,
      }
      const found = await patiently('taking', hands.signal, () => claim.take(window.next, max, hands.signal))
      if (dead || draining) return
      const taken = upTo(found, until)
      window.take(taken.records, taken.next)
      meter.taken(taken.records.length)
      progress.ring()
      dispatch()
    }
  }

  const idle = () => window.working === 0 && window.waiting === 0
  const toSettle = () => window.ready || window.moved

  /** L5: until it is time to settle. */
  const due = async (last: number) => {
    while (!dead && !draining) {
      const left = last + policy.commitEvery - Date.now()
      if (toSettle() && (idle() || left <= 0 || window.finished >= batchLimit || window.bytes >= policy.bytes)) return
      await progress.wait(toSettle() ? left : 1000)
    }
  }

  const accepted = (batch: readonly Work[], position: number, keep: () => void) => {
    keep()
    meter.settled(batch.map(({ result }) => result))
    window.settle(batch, position)
    suspected = 0
    batchLimit = Math.min(policy.batch.records, batchLimit * 2)
    dispatch()
  }

  /** L9: again, then in halves, then the one that is left becomes a reject. */
  const blame = (batch: readonly Work[], cause: Error) => {
    if (++suspected < 2) return
    const [guilty] = batch
    if (batch.length !== 1 || !guilty) {
      if (batch.length === 0) throw new Fatal(`${claim.topic}: the log refuses a settled position: ${cause.message}`)
      batchLimit = Math.ceil(batch.length / 2)
      return
    }
    const failure = { kind: 'unwritable', reason: cause.message, attempts: 1 } as const
    if (guilty.result?.tallies.at(-1)?.outcome === 'rejected') {
      throw new Fatal(`${claim.topic}: the log refuses a dead letter, so nothing can be settled: ${cause.message}`)
    }
    guilty.result = rejected(guilty.record, failure, options)
    suspected = 0
  }

  /** L4: only what the log says counts. */
  const reopened = async (cause: Error) => {
    observe.logger.warn({ ...labels, error: cause.message }, 'the outcome of a commit is unknown; reading it')
    window.adopt(await open())
    dispatch()
  }

  const settle = async () => {
    const batch = window.batch({ records: batchLimit, bytes: policy.batch.bytes })
    const { position, ahead } = window.after(batch)
    const folded = books.with(batch.flatMap(({ result }) => result?.tallies ?? []))
    const records = [...batch.flatMap(({ result }) => result?.records ?? []), ...folded.records]
    const settled = { position, note: writeNote(position, { topicId, ahead }) }
    const outcome = await meter.commit(records, () => claim.settle({ records, settled }))
    if (outcome.kind === 'done') return accepted(batch, position, folded.keep)
    if (outcome.kind === 'refused') return blame(batch, outcome.cause)
    if (outcome.kind === 'unknown') return reopened(outcome.cause)
    end()
  }

  const settling = async () => {
    for (let last = 0; !dead; last = Date.now()) {
      await due(last)
      if (dead) return
      if (draining && !toSettle()) return
      await settle()
    }
  }

  const run = async () => {
    try {
      window = trackedWindow<Result>(await open())
      opened = true
      const taker = taking().catch((error: unknown) => (hands.signal.aborted ? undefined : fail(error)))
      await settling()
      await taker
    } catch (error) {
      fail(error)
    } finally {
      end()
      claim.lost.removeEventListener('abort', end)
      unfollow?.()
      await claim.close().catch(() => {})
    }
  }
  const ended = run()

  return {
    ended,
    get opened() {
      return opened
    },
    async drain() {
      draining = true
      if (!opened) end() // nothing is finished yet, and the log may be away for long
      hands.abort(new Error('the lane is draining'))
      progress.ring()
      room.ring()
      const late = setTimeout(end, patience) // the log is away: what was finished is done again by the next owner
      await ended
      clearTimeout(late)
    },
  }
}
