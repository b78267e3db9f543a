import { stagesOfTopology, topologies, type Topology } from '../processors/index.ts'
import type { Topic } from '../runtime/topic.ts'
import type { RunEntry } from '../schemas/control.ts'
import type { Metric } from '../schemas/metric.ts'
import type { Sample } from '../schemas/sample.ts'
import { metrics, samples } from '../topics/index.ts'
import { readRejects } from './rejects.ts'
import type { World } from './world.ts'

/** Outcomes by distinct query, read from the topics themselves. */
export interface Recount {
  readonly outcomes: Readonly<Record<string, number>>
  readonly rejected: number
}

const outcomeOf = (topic: Topic, value: unknown): string => {
  if (topic === (samples as Topic)) return (value as Sample).outcome
  if (topic === (metrics as Topic)) return (value as Metric).graded ? 'graded' : 'ungraded'
  return 'retrieved'
}

/** The latest outcome of each query of a run: outputs of the last stage, and rejects that nobody has retried. */
export const recount = async (
  world: World,
  { run, topology }: Pick<RunEntry, 'run' | 'topology'>,
): Promise<Recount> => {
  const { log, codec, names } = world
  const [last] = topologies[topology as Topology].slice(-1)
  const latest = new Map<string, string>()
  for (const topic of last?.to ?? []) {
    for await (const { key, value } of log.read(names.topic(topic))) {
      const text = key?.toString() ?? ''
      if (value === null || !text.startsWith(`${run}/`)) continue
      latest.set(text, outcomeOf(topic, await codec.decode(topic, value)))
    }
  }
  const own = stagesOfTopology(topology as Topology)
  const rejected = new Set<string>()
  for (const reject of await readRejects(world)) {
    const counts = reject.run === run && own.includes(reject.stage) && !reject.resolved
    if (counts && !latest.has(reject.key)) rejected.add(reject.key)
  }
  const outcomes: Record<string, number> = {}
  for (const outcome of latest.values()) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  return { outcomes, rejected: rejected.size }
}
