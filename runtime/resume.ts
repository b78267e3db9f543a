import { Fatal, sentence } from './errors.ts'
import type { Input } from './input.ts'
import type { Claim, Settled, TopicInfo } from './log.ts'
import { readNote } from './note.ts'
import type { Progress } from './window.ts'

/** What a lane knows once it has fenced its predecessors. */
export interface Found {
  readonly stream: string
  readonly stage: string
  readonly claim: Pick<Claim, 'topic' | 'partition'>
  readonly settled: Settled | undefined
  readonly info: TopicInfo | undefined
  /** Totals say that the stage has settled something in this partition. */
  readonly started: boolean
  /** Only a stretch of the topic is read. */
  readonly input?: Pick<Input, 'from' | 'until'> | undefined
}

/** What keeps a lane from going on by itself. */
export type Obstacle = 'trimmed' | 'made anew' | 'position lost' | 'set by hand'

/** I9: a lane stands still until somebody decides where it goes on. */
export class Stopped extends Fatal {
  readonly obstacle: Obstacle
  /** Where it stood as far as it knows, and what is settled ahead of that, whatever is decided. */
  readonly stood: Progress
  constructor(obstacle: Obstacle, what: string, { stream, stage }: Found, stood: Progress) {
    const command = `gainstream offsets reset ${stage} --stream ${stream} --to-earliest --execute`
    super(`${what}. Decide where to go on: ${command} (or --to-latest; without --execute it shows what that costs)`)
    this.obstacle = obstacle
    this.stood = stood
  }
}

const noteOf = (found: Found, settled: Settled, where: string) => {
  try {
    return readNote(settled.position, settled.note, where)
  } catch (error) {
    throw new Stopped('set by hand', sentence(error), found, { position: settled.position, ahead: [] })
  }
}

/**
 * Where a lane goes on from. It never resets itself (I9).
 *
 * @throws Stopped when its input was trimmed or made anew, or its position got lost or was set by hand; Fatal when its
 * topic is gone.
 */
export const resumed = (found: Found): Progress => {
  const { stage, claim, settled, info, started, input } = found
  const bounds = info?.partitions[claim.partition]
  if (!info || !bounds) throw new Fatal(`topic ${claim.topic} is gone: create it again or remove the stream`)
  const where = `${stage} on ${claim.topic}[${claim.partition}]`
  const until = input?.until[claim.partition] ?? Infinity
  const trimmed = (position: number) => position < bounds.first && position < until
  const stopped = (obstacle: Obstacle, what: string, stood: Progress) =>
    new Stopped(obstacle, `${where}${what}`, found, stood)
  const lost = (stood: Progress) =>
    stopped(
      'trimmed',
      `: records from ${stood.position} to ${bounds.first} were deleted before they were settled`,
      stood,
    )
  if (!settled) {
    const start = { position: input?.from[claim.partition] ?? bounds.first, ahead: [] }
    if (!started && trimmed(start.position)) throw lost(start)
    if (!started) return start
    throw stopped(
      'position lost',
      ` has no settled position, but its totals say that it has run: the positions of its group were deleted, ` +
        `or its topic was deleted and made anew. Starting over would repeat work`,
      start,
    )
  }
  const note = noteOf(found, settled, where)
  const stood = { position: settled.position, ahead: note.ahead }
  if (note.topicId !== info.id) {
    throw stopped('made anew', ': the topic was deleted and made anew since the last settled record', {
      position: bounds.first,
      ahead: [],
    })
  }
  if (trimmed(settled.position)) throw lost(stood)
  return stood
}
