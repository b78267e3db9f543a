import { endsOf } from './input.ts'
import { lane, type Lane, type LaneOptions } from './lane.ts'
import type { Claim } from './log.ts'
import { endOf } from './measure.ts'

export interface Stage {
  readonly name: string
  readonly group: string
  readonly topic: string
  /** Where each partition of the topic ends for this stage, if it does. */
  readonly until: readonly number[] | undefined
  /** Partitions held at present. */
  readonly partitions: readonly number[]
  /** It has worked, or could: a partition was opened at least once, or none is held. */
  readonly ready: boolean
  /** I7: settles finished work, leaves the rest, leaves the group. */
  stop(): Promise<void>
}

/** One member of a processor's consumer group: a lane for each partition that is given to it. */
export const stage = async <In, Ports>(options: Omit<LaneOptions<In, Ports>, 'end'>): Promise<Stage> => {
  const { log, processor, names, observe, onFatal, input } = options
  const group = names.group(processor.name)
  const topic = input?.topic ?? names.topic(processor.from)
  const lanes = new Map<Claim, Lane>()
  const labels = { stage: processor.name }
  const { meter } = observe
  const end = endOf(log, topic, input?.until)
  let everOpened = false
  const hasOpened = () => (everOpened ||= [...lanes.values()].some(({ opened }) => opened))

  const membership = await log.join({
    group,
    topic,
    onClaim(claim) {
      const started = lane(claim, { ...options, end })
      lanes.set(claim, started)
      meter.count('gainstream_claims_total', 1, { ...labels, kind: 'gained' })
      void started.ended.then(() => {
        hasOpened()
        lanes.delete(claim)
        meter.count('gainstream_claims_total', 1, { ...labels, kind: 'lost' })
      })
    },
    onFailure: onFatal,
  })

  const unwatch = meter.watch('gainstream_partitions', () => lanes.size, labels)

  let stopping: Promise<void> | undefined
  const stop = async () => {
    await Promise.all([...lanes.values()].map((each) => each.drain()))
    await membership.leave()
    await Promise.all([...lanes.values()].map((each) => each.drain())) // claimed while the others drained
    unwatch()
  }
  return {
    name: processor.name,
    group,
    topic,
    until: input && endsOf(input),
    get partitions() {
      return [...lanes.keys()].map(({ partition }) => partition)
    },
    get ready() {
      return lanes.size === 0 || hasOpened()
    },
    stop: () => (stopping ??= stop()),
  }
}
