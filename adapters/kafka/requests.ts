/** Two requests in newer versions than kafkajs speaks: topics with their ids, and committed offsets that are stable. */
import { DecoderClass, EncoderClass, errorOf, type Broker, type Decoded, type Decoder, type Encoder } from './vendor.ts'

export interface TopicFacts {
  readonly id: string
  /** The leader of each partition, in the order of the partitions; −1 where there is none at present. */
  readonly leaders: readonly number[]
}

export interface Committed {
  readonly offset: bigint
  readonly note: string
}

/** Requests and answers of these versions carry tagged fields, an empty list everywhere. */
export const noTags = 0
export const encoded = (write: (encoder: Encoder) => void) => async () => {
  const encoder = new EncoderClass().writeUVarInt(noTags) // belongs to the header, which kafkajs writes without it
  write(encoder)
  return encoder.writeUVarInt(noTags)
}
export const decoded =
  <T>(read: (decoder: Decoder) => T) =>
  async (raw: Buffer): Promise<Decoded<T>> => {
    const decoder = new DecoderClass(raw)
    decoder.readTaggedFields()
    const clientSideThrottleTime = decoder.readInt32()
    return { value: read(decoder), clientSideThrottleTime }
  }
export const array = <T>(decoder: Decoder, read: (decoder: Decoder) => T): T[] => decoder.readUVarIntArray(read) ?? []
export const tagged = <T>(decoder: Decoder, value: T): T => {
  decoder.readTaggedFields()
  return value
}
export const passed = async <T>({ value }: Decoded<T>) => value

const unknownTopic = 3

/** Metadata, version 10 (KIP-516): the id changes when a topic of the same name is made anew. `undefined`: no such topic. */
export const topicFacts = (broker: Broker, topic: string): Promise<TopicFacts | undefined> =>
  broker.connectionPool.send({
    request: {
      ...{ apiKey: 3, apiVersion: 10, apiName: 'Metadata' },
      encode: encoded((encoder) => {
        encoder.writeUVarInt(2).writeBuffer(Buffer.alloc(16)).writeUVarIntString(topic).writeUVarInt(noTags)
        for (let flag = 0; flag < 3; flag++) encoder.writeBoolean(false) // make it? its permissions? the cluster's?
      }),
    },
    response: { decode: decoded(readTopics), parse: passed },
  })

const readTopics = (decoder: Decoder): TopicFacts | undefined => {
  array(decoder, readNode)
  decoder.readUVarIntString() // cluster
  decoder.readInt32() // controller
  const [found] = array(decoder, (each) => {
    const error = each.readInt16()
    each.readUVarIntString()
    const id = each.readBytes(16).toString('base64url')
    each.readBoolean() // internal
    const leaders = array(each, readPartition)
    each.readInt32() // permissions
    return tagged(each, { error, id, leaders })
  })
  if (!found || found.error === unknownTopic) return undefined
  if (found.error !== 0) throw errorOf(found.error)
  const ordered = found.leaders.toSorted((a, b) => a.partition - b.partition)
  return { id: found.id, leaders: ordered.map(({ leader }) => leader) }
}

const readNode = (decoder: Decoder) => {
  decoder.readInt32()
  decoder.readUVarIntString()
  decoder.readInt32()
  decoder.readUVarIntString()
  return tagged(decoder, undefined)
}

const readPartition = (decoder: Decoder) => {
  decoder.readInt16()
  const partition = decoder.readInt32()
  const leader = decoder.readInt32()
  decoder.readInt32() // leader epoch
  for (let list = 0; list < 3; list++) array(decoder, (each) => each.readInt32()) // replicas, in sync, offline
  return tagged(decoder, { partition, leader })
}

/**
 * OffsetFetch, version 7 (KIP-447): waits out what a transaction has decided but not yet applied, by an error that says
 * so. Without it a new owner could read a position from before its predecessor's last commit.
 */
export const committed = (
  broker: Broker,
  group: string,
  topic: string,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, Committed>> =>
  broker.connectionPool.send({
    request: {
      ...{ apiKey: 9, apiVersion: 7, apiName: 'OffsetFetch' },
      encode: encoded((encoder) => {
        encoder
          .writeUVarIntString(group)
          .writeUVarInt(2)
          .writeUVarIntString(topic)
          .writeUVarInt(partitions.length + 1)
        for (const partition of partitions) encoder.writeInt32(partition)
        encoder.writeUVarInt(noTags).writeBoolean(true)
      }),
    },
    response: { decode: decoded(readOffsets), parse: passed },
  })

const readOffsets = (decoder: Decoder): ReadonlyMap<number, Committed> => {
  const topics = array(decoder, (each) => {
    each.readUVarIntString()
    return tagged(each, array(each, readOffset))
  })
  const failed = [decoder.readInt16(), ...topics.flat().map(({ error }) => error)].find((error) => error !== 0)
  if (failed !== undefined) throw errorOf(failed)
  return new Map(topics.flat().flatMap(({ partition, ...rest }) => (rest.offset < 0n ? [] : [[partition, rest]])))
}

const readOffset = (decoder: Decoder) => {
  const partition = decoder.readInt32()
  const offset = BigInt(decoder.readInt64().toString())
  decoder.readInt32() // leader epoch
  const note = decoder.readUVarIntString() ?? ''
  const error = decoder.readInt16()
  return tagged(decoder, { partition, offset, note, error })
}
