/** Where a lane that stands still goes on (I9): what somebody decided, once, and only for what it was decided for. */
import type { Decision } from './decisions.ts'
import type { Found, Stopped } from './resume.ts'
import type { Progress } from './window.ts'

export type Target = 'earliest' | 'latest'

/** The first position that is kept, or that behind the last one, within the stretch that the stage reads. */
export const targetOf = ({ claim: { partition }, info, input }: Found, to: Target): number => {
  const { first, end } = info?.partitions[partition] ?? { first: 0, end: 0 }
  const until = input?.until[partition] ?? Infinity
  const earliest = Math.min(Math.max(first, input?.from[partition] ?? first), until)
  return to === 'earliest' ? earliest : Math.max(earliest, Math.min(end, until))
}

/**
 * It was decided for this stage and partition as they are: for this topic, and not one of the same name, and for the
 * settled position that was found. Where more was deleted since, it has to be decided anew.
 */
export const fits = (decision: Decision, { stream, stage, claim: { partition }, settled, info, input }: Found) =>
  decision.kind === 'reset' &&
  decision.stream === stream &&
  decision.stage === stage &&
  decision.partition === partition &&
  decision.topic_id === info?.id &&
  decision.settled === (settled?.position ?? null) &&
  decision.to !== null &&
  decision.to >= Math.min(info.partitions[partition]?.first ?? 0, input?.until[partition] ?? Infinity)

/** What is settled ahead stays settled. */
export const moved = ({ stood }: Stopped, to: number): Progress => ({
  position: to,
  ahead: stood.ahead.filter((at) => at >= to),
})

/** A decision to move a stage, as it is found for what was found. */
export const resetOf = (found: Found, to: number, reason: string, now: number): Decision => ({
  ...{ stream: found.stream, stage: found.stage, partition: found.claim.partition, kind: 'reset' },
  ...{ topic_id: found.info?.id ?? '', settled: found.settled?.position ?? null, to, reason, decided_at: now },
  position: -1, // of no record: who knows only records that were given up finds none
})
