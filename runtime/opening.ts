import type { Decisions } from './decisions.ts'
import { Fatal, Unavailable } from './errors.ts'
import type { Handling } from './handle.ts'
import type { Ledger } from './ledger.ts'
import type { Claim, Log } from './log.ts'
import { writeNote } from './note.ts'
import { fits, moved } from './reset.ts'
import { resumed, Stopped, type Found } from './resume.ts'
import type { Progress } from './window.ts'

export interface Opening extends Pick<Handling<never, never>, 'names' | 'input' | 'observe' | 'now'> {
  readonly log: Log
  readonly processor: { readonly name: string }
  /** What was decided by hand; without it, what stands still stands still. */
  readonly decisions: Decisions | undefined
}

export interface Opened {
  readonly topicId: string
  readonly start: Progress
}

/** Settles what was decided in one transaction with taking the decision back: it counts once. */
const adopted = async (
  claim: Claim,
  found: Found,
  stopped: Stopped,
  { decisions, observe, now }: Opening,
  signal: AbortSignal,
): Promise<Progress> => {
  const decided = await decisions?.newest((decision) => fits(decision, found), signal)
  const to = decided?.decision.to
  if (!decided || to === undefined || to === null) throw stopped
  const progress = moved(stopped, to)
  const note = writeNote(to, { topicId: decided.decision.topic_id, ahead: progress.ahead })
  const spent = { ...decided.place, partition: 0, value: null, headers: {}, timestamp: now() }
  const outcome = await claim.settle({ records: [spent], settled: { position: to, note } })
  const where = `${found.stage} on ${claim.topic}[${claim.partition}]`
  if (outcome.kind === 'refused') throw new Fatal(`${where}: the log refuses to settle ${to}: ${outcome.cause.message}`)
  if (outcome.kind !== 'done') throw new Unavailable(`${where}: it is not known yet whether ${to} was settled`)
  const about = { stage: found.stage, partition: claim.partition, from: found.settled?.position, to }
  observe.logger.warn({ ...about, reason: decided.decision.reason }, 'goes on where somebody decided')
  return progress
}

/**
 * L1: fences, reads what was settled, then the totals of the last owner, and finds where the lane goes on.
 *
 * @throws Stopped when nobody decided what only people can decide (I9), and as `Seat.open` does
 */
export const opening = async (
  claim: Claim,
  books: Pick<Ledger, 'load' | 'started'>,
  options: Opening,
  signal: AbortSignal,
): Promise<Opened> => {
  const { log, names, processor, input } = options
  const settled = await claim.open(signal)
  await books.load(signal)
  const info = await log.describe(claim.topic)
  const stage = processor.name
  const found = { stream: names.stream, stage, claim, settled, info, started: books.started, input }
  const topicId = info?.id ?? ''
  try {
    return { topicId, start: resumed(found) }
  } catch (error) {
    if (!(error instanceof Stopped)) throw error
    return { topicId, start: await adopted(claim, found, error, options, signal) }
  }
}
