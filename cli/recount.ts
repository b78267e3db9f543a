import { index, stagesOfTopology, topologies, type Topology } from '../processors/index.ts'
import type { Topic } from '../runtime/topic.ts'
import type { RunEntry } from '../schemas/control.ts'
import type { Metric } from '../schemas/metric.ts'
import type { Sample } from '../schemas/sample.ts'
import { candidates, metrics, samples } from '../topics/index.ts'
import { readRejects } from './rejects.ts'
import type { World } from './world.ts'

/** Outcomes by distinct query, read from the topics themselves. */
export interface Recount {
  readonly outcomes: Readonly<Record<string, number>>
  readonly rejected: number
}

const outcomeOf = (topic: Topic, value: unknown, topology: string): string => {
  if (topic === (samples as Topic)) return (value as Sample).outcome
  if (topic === (metrics as Topic)) return (value as Metric).graded ? 'graded' : 'ungraded'
  return topology === 'offered' ? topology : 'retrieved'
}

interface Latest {
  readonly outcome: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** The newest output of each query of a run. */
const outputsOf = async (
  { log, codec, names }: World,
  { run, topology }: Pick<RunEntry, 'run' | 'topology'>,
  topic: Topic,
) => {
  const latest = new Map<string, Latest>()
  for await (const { key, value, timestamp: at } of log.read(names.topic(topic))) {
    const text = key?.toString() ?? ''
    if (value === null || !text.startsWith(`${run}/`)) continue
    latest.set(text, { outcome: outcomeOf(topic, await codec.decode(topic, value), topology), at })
  }
  return latest
}

/** A stage that writes into a store leaves no record behind: what it has settled of its input, by distinct key. */
const indexed = async ({ log, names }: World, run: string) => {
  const topic = names.topic(index.from)
  const settled = await log.settled(names.group(index.name), topic)
  const latest = new Map<string, Latest>()
  for await (const { key, value, headers, partition, position, timestamp: at } of log.read(topic)) {
    const done = position < (settled[partition]?.position ?? 0)
    if (!done || headers.run !== run || key === null) continue
    latest.set(key.toString(), { outcome: value === null ? 'forgotten' : 'indexed', at })
  }
  return latest
}

/** The latest outcome of each query of a run: outputs of the last stage, and rejects that nobody has retried. */
export const recount = async (
  world: World,
  { run, topology }: Pick<RunEntry, 'run' | 'topology'>,
): Promise<Recount> => {
  const [last] = topologies[topology as Topology].slice(-1)
  const [to] = last?.to ?? [candidates]
  const latest = to ? await outputsOf(world, { run, topology }, to) : await indexed(world, run)
  const own = stagesOfTopology(topology as Topology)
  for (const { run: of, stage, resolved, key, rejected_at: at } of await readRejects(world)) {
    if (of !== run || resolved || !own.includes(stage)) continue
    const output = latest.get(key)
    if (!output || output.at <= at) latest.set(key, { outcome: 'rejected', at })
  }
  const outcomes: Record<string, number> = {}
  for (const { outcome } of latest.values()) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  const { rejected = 0, ...others } = outcomes
  return { outcomes: others, rejected }
}
