/** One set of queries answered under several conditions: a derived stream each, fed from what the first one found. */
import { measureOf, nllBy } from '../method/gain.ts'
import type { Log } from '../runtime/log.ts'
import { enter, type Item } from '../runtime/source.ts'
import type { Candidates } from '../schemas/candidates.ts'
import type { RunEntry } from '../schemas/control.ts'
import type { Gains } from '../schemas/gains.ts'
import { candidates, gains } from '../topics/index.ts'
import type { Config } from './config.ts'
import { openRun } from './runs.ts'
import { openStream, sourceOf } from './streams.ts'
import type { World } from './world.ts'

/** no passage at all · the first retrieved · the one with the most gain (knows the golds: an upper bound) */
export const conditions = ['none', 'first', 'gain'] as const
export type Condition = (typeof conditions)[number]

export const described: Record<Condition, string> = {
  none: 'no passage',
  first: 'first retrieved passage',
  gain: 'passage with the most gain',
}

/** The settings of a condition's stream: those of its source but for how a passage is chosen. */
const settingsOf = (config: Config, condition: Condition): Config => ({
  ...config,
  stream: `${config.stream}-${condition}`,
  select: { ...config.select, by: condition === 'gain' ? 'given' : 'retrieval' },
  generate: { ...config.generate, passages: condition === 'none' ? 0 : Math.max(1, config.generate.passages) },
})

/** Gains as given scores: the passage that makes an answer likeliest scores highest. */
const asGiven = ({ run, asked_at, query, passages, gains: measured, measure }: Gains): Candidates => {
  const nll = new Map(measured.map((gain) => [gain.passage_id, nllBy(measureOf({ measure }), gain)]))
  const scored = passages.map((candidate) => {
    const found = nll.get(candidate.id)
    return { ...candidate, given_score: typeof found === 'number' ? -found : null }
  })
  return { run, asked_at, query, passages: scored }
}

/** One partition of a topic from a position to where it ends now; `position` is the one after the record. */
async function* partition(log: Log, topic: string, at: number, from: number) {
  const info = await log.describe(topic)
  const bounds = info?.partitions ?? []
  const until = bounds.map(({ end }, p) => (p === at ? end : 0))
  const start = bounds.map(({ first }, p) => (p === at ? Math.max(from, first) : 0))
  yield* log.read(topic, { from: start, until })
}

/**
 * Brings a run's candidates into a condition's stream, once: exactly as they were, or with their gains as scores.
 * Settled per partition, so that it goes on where it was killed.
 */
export const derive = async (world: World, entry: RunEntry, condition: Condition, signal: AbortSignal) => {
  const { log, codec, names } = world
  const derived = await openStream(world.as(settingsOf(world.config, condition)), signal, names.stream)
  const { source, run } = entry
  const own = await openRun(derived, { run, topology: 'answering', source }, signal)
  const topic = condition === 'gain' ? gains : candidates
  const messages = async function* (at: number, from: number): AsyncGenerator<Item> {
    for await (const { key, value, position, headers } of partition(log, names.topic(topic), at, from)) {
      if (value === null || !key?.toString().startsWith(`${run}/`)) continue
      if (headers['supersedes'] !== undefined) continue // sent back to one stage: it was here before
      const found =
        condition === 'gain' ? asGiven(await codec.decode(gains, value)) : await codec.decode(candidates, value)
      yield { message: candidates.message(found, { run }), position: position + 1 }
    }
  }
  let entered = 0
  for (let at = 0; at < world.config.partitions; at++) {
    const options = sourceOf(derived, `derive/${run}/${topic.name}/${at}`, names.topic(topic), signal)
    entered += (await enter(options, (from) => messages(at, from))).entered
  }
  return { world: derived, entry: own, entered }
}

/** How many queries of a run reached a topic: what a derived run has to answer. */
export const reached = async ({ log, names }: World, run: string, topic: typeof gains | typeof candidates) => {
  const keys = new Set<string>()
  for await (const { key } of log.read(names.topic(topic))) {
    const text = key?.toString()
    if (text?.startsWith(`${run}/`)) keys.add(text)
  }
  return keys.size
}
