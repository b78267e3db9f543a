/** What stands in a log, counted record by record, and whether the totals say the same. */
import { runEntry, runState, settledBy } from '../../cli/runs.ts'
import { readConfig } from '../../cli/config.ts'
import { openWorld, type World } from '../../cli/world.ts'
import type { Topic } from '../../runtime/topic.ts'
import type { Usage } from '../../schemas/identity.ts'
import { candidates, drafts, gains, queries, rejects, samples } from '../../topics/index.ts'

const quiet = { tty: false, write: () => {} }

/** Opens the data folder of a process that has ended. */
export const within = async <T>(folder: string, look: (world: World) => Promise<T>): Promise<T> => {
  const world = await openWorld(readConfig({ env: {}, flags: { data: folder } }), quiet, {})
  try {
    return await look(world)
  } finally {
    await world.close()
  }
}

/** How often each key stands in a topic; none in one that was not made yet. */
export const keysIn = async (
  { log, names }: World,
  topic: Pick<Topic, 'name' | 'control'>,
): Promise<Map<string, number>> => {
  const counts = new Map<string, number>()
  if (!(await log.describe(names.topic(topic)))) return counts // killed before there was one
  for await (const { key } of log.read(names.topic(topic))) {
    const text = String(key)
    counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  return counts
}

export interface Count {
  readonly topic: string
  readonly lost: readonly string[]
  readonly doubled: readonly string[]
  /** Keys that nobody asked for. */
  readonly foreign: readonly string[]
}

export const counted = (topic: string, found: ReadonlyMap<string, number>, expected: ReadonlySet<string>): Count => ({
  topic,
  lost: [...expected].filter((key) => !found.has(key)),
  doubled: [...found].filter(([, n]) => n > 1).map(([key]) => key),
  foreign: [...found.keys()].filter((key) => !expected.has(key)),
})

const stageTopics = [queries, drafts, candidates, gains, samples]

/** Every topic of a synthesis whose queries had these keys: each key once, and no dead letter. */
export const countsOf = async (world: World, keys: ReadonlySet<string>): Promise<Count[]> => {
  const counts: Count[] = []
  for (const topic of stageTopics) counts.push(counted(topic.name, await keysIn(world, topic), keys))
  return [...counts, counted(rejects.name, await keysIn(world, rejects), new Set())]
}

/** How many records each topic of a synthesis holds. */
export const reach = (world: World): Promise<string> =>
  Promise.all(stageTopics.map(async (topic) => `${topic.name} ${(await keysIn(world, topic)).size}`)).then((all) =>
    all.join(', '),
  )

const cost = ['calls', 'prompt_tokens', 'output_tokens', 'cache_hits', 'seconds'] as const

/** What the records of a topic say that they cost, added up. */
const spentIn = async <T>({ log, codec, names }: World, topic: Topic<T>, usage: (value: T) => Usage | undefined) => {
  const sums: Record<(typeof cost)[number], number> = Object.fromEntries(cost.map((name) => [name, 0])) as never
  for await (const { value } of log.read(names.topic(topic))) {
    const spent = value && usage(await codec.decode(topic, value))
    for (const name of cost) sums[name] += spent?.[name] ?? 0
  }
  return sums
}

const same = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a), Math.abs(b))

/** Sentences about totals that differ from what the topics hold. */
export const totalsOff = async (world: World, run: string, queriesAsked: number): Promise<string[]> => {
  const entry = await runEntry(world, run)
  if (!entry) return [`there is no run ${run}`]
  const { stages, complete, done } = await runState(world, entry)
  const off: string[] = []
  const compare = (what: string, total: number, records: number) => {
    if (!same(total, records)) off.push(`${what}: totals say ${total}, the records ${records}`)
  }
  if (!complete || done !== queriesAsked) off.push(`${done} of ${queriesAsked} queries are done, complete: ${complete}`)
  const outputs = { imagine: drafts, retrieve: candidates, label: gains, distil: samples } as const
  for (const [stage, topic] of Object.entries(outputs)) {
    const records = [...(await keysIn(world, topic)).values()].reduce((sum, n) => sum + n, 0)
    compare(`${stage}: records`, settledBy(stages[stage]?.counts ?? {}), records)
  }
  const spent = {
    imagine: await spentIn(world, drafts, ({ pseudo_passage }) => pseudo_passage?.usage),
    label: await spentIn(world, gains, ({ usage }) => usage),
    distil: await spentIn(world, samples, ({ usage }) => usage),
  }
  for (const [stage, sums] of Object.entries(spent)) {
    for (const name of cost) {
      const key = name === 'seconds' ? 'reader_seconds' : name
      compare(`${stage}: ${name}`, stages[stage]?.sums[key] ?? 0, sums[name])
    }
  }
  return off
}
