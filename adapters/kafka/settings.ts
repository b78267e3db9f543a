/** Settings of topics: as they should be, as they are, and changing one without touching the others. */
import type { TopicSpec } from '../../runtime/log.ts'
import type { Client } from './client.ts'
import { array, decoded, encoded, noTags, passed, tagged } from './requests.ts'
import { errorOf, type Broker, type Decoder } from './vendor.ts'

/** Runs `work` with an administrator's connection, which ends with it. */
export const administering = <T>(client: Client, what: string, work: (admin: Admin) => Promise<T>) =>
  client.ask(what, async () => {
    const admin = client.kafka.admin()
    try {
      await admin.connect()
      return await work(admin)
    } finally {
      void admin.disconnect().catch(() => {})
    }
  })
type Admin = ReturnType<Client['kafka']['admin']>

/** What a key, headers and the batch around a value of the largest size may add to it. */
export const room = 32_768
const topicResource = 2

/** The smallest segment that brokers take. */
const smallest = 1_048_576

/**
 * The newest segment is never compacted, and by default it grows to 1 GB: whoever reads a compacted topic whole would
 * read all that was ever written. Small ones keep it near one record a key; the largest batch must fit.
 */
const compacting = ({ maxBytes }: Pick<TopicSpec, 'maxBytes'>) => [
  { name: 'segment.bytes', value: String(Math.max(smallest, maxBytes + room)) },
  { name: 'segment.ms', value: '600000' },
  { name: 'min.cleanable.dirty.ratio', value: '0.1' },
]

/** What this package sets; every other setting is that of whoever runs the cluster. */
export const settingsFor = ({ retention, compact, maxBytes }: Omit<TopicSpec, 'partitions'>) => [
  { name: 'cleanup.policy', value: compact ? 'compact' : 'delete' },
  { name: 'retention.ms', value: String(retention === 'forever' ? -1 : retention) },
  { name: 'max.message.bytes', value: String(maxBytes + room) },
  { name: 'message.timestamp.type', value: 'CreateTime' },
  // A record keeps the time that it was given, also where it is replayed later.
  { name: 'message.timestamp.before.max.ms', value: '9223372036854775807' },
  ...(compact ? compacting({ maxBytes }) : []),
]

type Settings = ReadonlyMap<string, string>
const ours = [
  ...['cleanup.policy', 'retention.ms', 'max.message.bytes', 'message.timestamp.type'],
  ...['message.timestamp.before.max.ms', 'segment.bytes', 'segment.ms', 'min.cleanable.dirty.ratio'],
]

/** As they are, by topic; a topic that is not there has none. */
export const settingsOf = async (
  client: Client,
  topics: readonly Pick<TopicSpec, 'name'>[],
  configNames: readonly string[] = ours,
): Promise<ReadonlyMap<string, Settings>> => {
  const resources = topics.map(({ name }) => ({ type: topicResource, name, configNames: [...configNames] }))
  const what = `reading the settings of ${topics[0]?.name}${topics.length > 1 ? ` and ${topics.length - 1} more` : ''}`
  const found = await administering(client, what, (admin) =>
    admin.describeConfigs({ includeSynonyms: false, resources }),
  )
  return new Map(
    found.resources.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    ]),
  )
}

export interface Difference {
  readonly setting: string
  readonly from: string
  readonly to: string
}

/** Which settings are not as they should be. */
export const differences = (spec: Omit<TopicSpec, 'partitions'>, found: Settings | undefined): Difference[] =>
  settingsFor(spec).flatMap(({ name, value }) => {
    const from = found?.get(name) ?? ''
    return from === value ? [] : [{ setting: name, from, to: value }]
  })

/**
 * IncrementalAlterConfigs, version 1 (KIP-339), which kafkajs does not speak: its own request takes back every setting
 * that it does not name.
 */
export const alterTopic = (broker: Broker, topic: string, changes: readonly Difference[]): Promise<void> =>
  broker.connectionPool.send({
    request: {
      ...{ apiKey: 44, apiVersion: 1, apiName: 'IncrementalAlterConfigs' },
      encode: encoded((encoder) => {
        encoder.writeUVarInt(2).writeBuffer(Buffer.of(topicResource)).writeUVarIntString(topic)
        encoder.writeUVarInt(changes.length + 1)
        for (const { setting, to } of changes)
          encoder.writeUVarIntString(setting).writeBuffer(Buffer.of(set)).writeUVarIntString(to).writeUVarInt(noTags)
        encoder.writeUVarInt(noTags).writeBoolean(false) // only validate?
      }),
    },
    response: { decode: decoded(readAltered), parse: passed },
  })

const set = 0

const readAltered = (decoder: Decoder): void => {
  const errors = array(decoder, (each) => {
    const error = each.readInt16()
    each.readUVarIntString()
    each.readBytes(1) // the kind of resource
    each.readUVarIntString()
    return tagged(each, error)
  })
  const failed = errors.find((error) => error !== 0)
  if (failed !== undefined) throw errorOf(failed)
}
