/** Topics of the cluster: making, describing, deleting, and what a record may weigh. */
import { Fatal, Unavailable } from '../../runtime/errors.ts'
import type { Bounds, TopicInfo, TopicSpec } from '../../runtime/log.ts'
import { pause } from '../../runtime/wait.ts'
import type { Client } from './client.ts'
import { isNoGroup, isNonEmpty } from './failures.ts'
import { topicFacts, type TopicFacts } from './requests.ts'
import { administering, differences, room, settingsFor, settingsOf } from './settings.ts'
import type { Cluster } from './vendor.ts'

const [uncommitted, latest, earliest] = [0, -1, -2]

/** A topic that was just made is known to some brokers before it is to all: absent is what none of them knows. */
export const factsOf = async (cluster: Cluster, topic: string): Promise<TopicFacts | undefined> =>
  (await topicFacts(await cluster.findControllerBroker(), topic)) ??
  (await everyFacts(cluster, topic)).find((facts) => facts !== undefined)

/** What each broker knows of it. */
const everyFacts = async (cluster: Cluster, topic: string): Promise<(TopicFacts | undefined)[]> => {
  await cluster.refreshMetadata()
  const nodes = cluster.brokerPool.metadata?.brokers ?? []
  return Promise.all(nodes.map(async ({ nodeId }) => topicFacts(await cluster.findBroker({ nodeId }), topic)))
}

/** @throws when a partition has no leader at present */
const offsets = async (cluster: Cluster, topic: string, { leaders }: TopicFacts, timestamp: number) => {
  const found = new Map<number, number>()
  for (const nodeId of new Set(leaders)) {
    const partitions = leaders.flatMap((leader, partition) => (leader === nodeId ? [{ partition, timestamp }] : []))
    const broker = await cluster.findBroker({ nodeId })
    const { responses } = await broker.listOffsets({ isolationLevel: uncommitted, topics: [{ topic, partitions }] })
    for (const each of responses.flatMap((response) => response.partitions))
      found.set(each.partition, Number(each.offset))
  }
  return found
}

/** From the first record that is kept to the high watermark: past every record of every settle that had landed. */
export const boundsOf = async (cluster: Cluster, topic: string, facts: TopicFacts): Promise<Bounds[]> => {
  const first = await offsets(cluster, topic, facts, earliest)
  const end = await offsets(cluster, topic, facts, latest)
  return facts.leaders.map((_, partition) => ({ first: first.get(partition) ?? 0, end: end.get(partition) ?? 0 }))
}

export const describe = (client: Client, topic: string, signal?: AbortSignal): Promise<TopicInfo | undefined> =>
  client.ask(
    `describing ${topic}`,
    async (cluster) => {
      const facts = await factsOf(cluster, topic)
      return facts && { id: facts.id, partitions: await boundsOf(cluster, topic, facts) }
    },
    signal,
  )

/**
 * Makes the topics that are missing, where that is allowed, and waits until they can be used.
 * @throws Fatal when one is of another shape, or missing where only `gainstream topics apply` makes them
 */
export const apply = async (client: Client, specs: readonly TopicSpec[]) => {
  const missing: TopicSpec[] = []
  for (const spec of specs) {
    const facts = await client.ask(`looking for ${spec.name}`, (cluster) => factsOf(cluster, spec.name))
    if (facts) verify(spec, facts)
    else missing.push(spec)
  }
  if (client.settings.create) return make(client, missing)
  if (missing.length > 0) throw absent(missing)
  await verifySettings(client, specs)
}

/** Makes topics that are not there, and waits until they can be used. */
export const make = async (client: Client, missing: readonly TopicSpec[]) => {
  if (missing.length === 0) return
  const { replication } = client.settings
  await administering(client, 'making topics', (admin) =>
    admin.createTopics({
      waitForLeaders: false,
      topics: missing.map((spec) => ({
        topic: spec.name,
        numPartitions: spec.partitions,
        ...(replication !== undefined && { replicationFactor: replication }),
        configEntries: settingsFor(spec),
      })),
    }),
  )
  for (const spec of missing) {
    const facts = await until(client, spec.name, (found) => found?.leaders.every((leader) => leader >= 0) ?? false)
    if (facts) verify(spec, facts) // another process may have made it
  }
}

const absent = ([first, ...others]: readonly TopicSpec[]) =>
  new Fatal(
    `topic ${first?.name}${others.length > 0 ? ` and ${others.length} more are` : ' is'} missing: ` +
      'gainstream topics apply --execute makes what a stream needs (its name is that of --stream, or of the setting stream)',
  )

const verify = (spec: TopicSpec, facts: TopicFacts) => {
  const wrong = misshapen(spec, facts)
  if (wrong) throw new Fatal(wrong)
}

/** What is wrong with a topic that nothing can mend. */
export const misshapen = ({ name, partitions }: TopicSpec, { leaders: { length } }: TopicFacts): string | undefined =>
  length === partitions
    ? undefined
    : `topic ${name} has ${length} partitions and the configuration asks for ${partitions}: set partitions to ${length}, or use another stream name`

/** How long records are kept is whoever runs the cluster's choice; these two would lose some, or refuse them. */
const verifySettings = async (client: Client, specs: readonly TopicSpec[]) => {
  const found = await settingsOf(client, specs)
  for (const spec of specs) {
    const [wrong] = differences(spec, found.get(spec.name)).filter(({ setting, from, to }) =>
      setting === 'max.message.bytes' ? Number(from) < Number(to) : setting === 'cleanup.policy',
    )
    if (!wrong) continue
    throw new Fatal(
      `topic ${spec.name} has ${wrong.setting} ${wrong.from} instead of ${wrong.to}: gainstream topics apply --execute sets it`,
    )
  }
}

/** Until it is so for every broker. @throws Unavailable when some broker does not come to know of it */
const until = async (client: Client, topic: string, done: (facts: TopicFacts | undefined) => boolean) => {
  for (const late = Date.now() + client.settings.patience; ;) {
    const all = await client.ask(`looking for ${topic}`, (cluster) => everyFacts(cluster, topic))
    if (all.length > 0 && all.every(done)) return all[0]
    if (Date.now() > late)
      throw new Unavailable(`not every broker has come to know what became of topic ${topic}`, { endpoint: 'kafka' })
    await pause(10, client.closed)
    client.closed.throwIfAborted()
  }
}

/** Deletes topics and groups; those that are not there are gone already. A group whose members still leave is waited for. */
export const remove = async (client: Client, topics: readonly string[], groups: readonly string[]) => {
  const there: string[] = []
  for (const topic of topics) {
    if (await client.ask(`looking for ${topic}`, (cluster) => factsOf(cluster, topic))) there.push(topic)
  }
  if (there.length > 0) {
    await administering(client, 'deleting topics', (admin) => admin.deleteTopics({ topics: there }))
    for (const topic of there) await until(client, topic, (facts) => facts === undefined)
  }
  for (const group of groups) await removeGroup(client, group)
}

const removeGroup = (client: Client, group: string) =>
  administering(client, `deleting the group ${group}`, async (admin) => {
    try {
      await admin.deleteGroups([group])
    } catch (error) {
      const reasons = groupErrors(error)
      if (reasons.some(isNonEmpty)) throw error // its members still leave
      if (!reasons.some(isNoGroup)) throw error
    }
  })

const groupErrors = (error: unknown): unknown[] =>
  error instanceof Error && 'groups' in error && Array.isArray(error.groups)
    ? error.groups.map((each: { error?: unknown }) => each.error)
    : [error]

export interface Limits {
  readonly partitions: number
  /** Largest value in bytes. */
  readonly value: number
  /** Largest record batch in bytes. */
  readonly batch: number
}

/** What a topic takes, looked up once a minute. */
export const limitsOf = (client: Client) => {
  const known = new Map<string, { at: number; limits: Limits | undefined }>()
  const look = async (topic: string): Promise<Limits | undefined> => {
    const facts = await client.once(`looking for ${topic}`, (cluster) => factsOf(cluster, topic))
    if (!facts) return undefined
    const found = await settingsOf(client, [{ name: topic }], ['max.message.bytes'])
    const batch = Number(found.get(topic)?.get('max.message.bytes') ?? 1_048_588)
    return { partitions: facts.leaders.length, value: batch - room, batch }
  }
  return {
    forget: () => known.clear(),
    async of(topic: string): Promise<Limits | undefined> {
      const found = known.get(topic)
      if (found?.limits && Date.now() - found.at < 60_000) return found.limits
      const limits = await look(topic)
      known.set(topic, { at: Date.now(), limits })
      return limits
    },
  }
}
export type LimitsOf = ReturnType<typeof limitsOf>
