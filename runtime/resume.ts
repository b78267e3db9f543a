import { Fatal } from './errors.ts'
import type { Input } from './input.ts'
import type { Claim, Settled, TopicInfo } from './log.ts'
import { readNote } from './note.ts'
import type { Progress } from './window.ts'

/** What a lane knows once it has fenced its predecessors. */
export interface Found {
  readonly stage: string
  readonly claim: Pick<Claim, 'topic' | 'partition'>
  readonly settled: Settled | undefined
  readonly info: TopicInfo | undefined
  /** Totals say that the stage has settled something in this partition. */
  readonly started: boolean
  /** Only a stretch of the topic is read. */
  readonly input?: Input | undefined
}

/**
 * Where a lane goes on from. It never resets itself (I9).
 *
 * @throws Fatal when its input was trimmed, made anew or deleted, or its position got lost or was set by hand.
 */
export const resumed = ({ stage, claim, settled, info, started, input }: Found): Progress => {
  const bounds = info?.partitions[claim.partition]
  if (!info || !bounds) throw new Fatal(`topic ${claim.topic} is gone: create it again or remove the stream`)
  const where = `${stage} on ${claim.topic}[${claim.partition}]`
  const until = input?.until[claim.partition] ?? Infinity
  const trimmed = (position: number) => position < bounds.first && position < until
  const lost = (position: number) =>
    new Fatal(
      `${where}: records from ${position} to ${bounds.first} were deleted before they were settled. ` +
        `Bring their source into a new stream`,
    )
  if (!settled) {
    const position = input?.from[claim.partition] ?? bounds.first
    if (!started && trimmed(position)) throw lost(position)
    if (!started) return { position, ahead: [] }
    throw new Fatal(
      `${where} has no settled position, but its totals say that it has run: the positions of its group were deleted, ` +
        `or the topic was and made anew. Starting over would repeat work: restore the positions, or use a new stream`,
    )
  }
  const note = readNote(settled.position, settled.note, where)
  if (note.topicId !== info.id) {
    throw new Fatal(`${where}: the topic was deleted and made anew since the last settled record. Use a new stream`)
  }
  if (trimmed(settled.position)) throw lost(settled.position)
  return { position: settled.position, ahead: note.ahead }
}
