import { endsOf } from './input.ts'
import { lane, type Lane, type LaneOptions } from './lane.ts'
import type { Claim } from './log.ts'

export interface Stage {
  readonly name: string
  readonly group: string
  readonly topic: string
  /** Where each partition of the topic ends for this stage, if it does. */
  readonly until: readonly number[] | undefined
  /** Partitions held at present. */
  readonly partitions: readonly number[]
  /** I7: settles finished work, leaves the rest, leaves the group. */
  stop(): Promise<void>
}

/** One member of a processor's consumer group: a lane for each partition that is given to it. */
export const stage = async <In, Ports>(options: LaneOptions<In, Ports>): Promise<Stage> => {
  const { log, processor, names, observe, onFatal, input } = options
  const group = names.group(processor.name)
  const topic = input?.topic ?? names.topic(processor.from)
  const lanes = new Map<Claim, Lane>()
  const labels = { stage: processor.name }
  const counted = () => observe.meter.gauge('gainstream_partitions', lanes.size, labels)

  const membership = await log.join({
    group,
    topic,
    onClaim(claim) {
      const started = lane(claim, options)
      lanes.set(claim, started)
      counted()
      void started.ended.then(() => {
        lanes.delete(claim)
        counted()
      })
    },
    onFailure: onFatal,
  })

  let stopping: Promise<void> | undefined
  const stop = async () => {
    await Promise.all([...lanes.values()].map((each) => each.drain()))
    await membership.leave()
    await Promise.all([...lanes.values()].map((each) => each.drain())) // claimed while the others drained
  }
  return {
    name: processor.name,
    group,
    topic,
    until: input && endsOf(input),
    get partitions() {
      return [...lanes.keys()].map(({ partition }) => partition)
    },
    stop: () => (stopping ??= stop()),
  }
}
