/**
 * The only door to kafkajs 2.2.4. Beside its public clients this adapter speaks to brokers request by request: a lane
 * takes by position, and whoever takes by position needs no fetch loop that seeks, throws away what it fetched for a
 * paused partition, or resets and commits an offset of its own (I9). The library is frozen and its version pinned.
 */
import './wire.ts' // before the library
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import kafkajs from 'kafkajs'
import { lz4, snappy } from './lempel.ts'

export interface Record {
  readonly offset: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestamp: string
  readonly headers: { readonly [name: string]: Buffer | Buffer[] | null | undefined }
  readonly isControlRecord: boolean
  readonly batchContext: {
    readonly firstOffset: string
    readonly lastOffsetDelta: number
    readonly producerId: string
    readonly inTransaction: boolean
  }
}

export interface Fetched {
  readonly partition: number
  readonly highWatermark: string
  readonly lastStableOffset: string
  readonly abortedTransactions: readonly { producerId: string; firstOffset: string }[]
  readonly messages: readonly Record[]
}

/** The library looks for the throttle time in everything that was decoded. */
export interface Decoded<T> {
  readonly value: T
  readonly clientSideThrottleTime: number
}

interface Protocol<T> {
  readonly request: { apiKey: number; apiVersion: number; apiName: string; encode: () => Promise<Encoder> }
  readonly response: { decode: (raw: Buffer) => Promise<Decoded<T>>; parse: (decoded: Decoded<T>) => Promise<T> }
}

interface Member {
  readonly memberId: string
  readonly memberMetadata: Buffer
}

/** A connected broker, as kafkajs builds it inside. */
export interface Broker {
  /** The newest version that it speaks, per kind of request. */
  readonly versions: { readonly [apiKey: number]: { readonly maxVersion: number } | undefined }
  readonly connectionPool: { send<T>(protocol: Protocol<T>): Promise<T> }
  fetch(request: {
    isolationLevel: number
    maxWaitTime: number
    minBytes: number
    maxBytes: number
    topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[]
  }): Promise<{ responses: { topicName: string; partitions: Fetched[] }[] }>
  listOffsets(request: {
    isolationLevel: number
    topics: { topic: string; partitions: { partition: number; timestamp: number }[] }[]
  }): Promise<{ responses: { topic: string; partitions: { partition: number; offset: string }[] }[] }>
  joinGroup(request: {
    groupId: string
    sessionTimeout: number
    rebalanceTimeout: number
    memberId: string
    groupProtocols: { name: string; metadata: Buffer }[]
  }): Promise<{ generationId: number; leaderId: string; memberId: string; members: Member[] }>
  syncGroup(request: {
    groupId: string
    generationId: number
    memberId: string
    groupAssignment: { memberId: string; memberAssignment: Buffer }[]
  }): Promise<{ memberAssignment: Buffer }>
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>
}

export interface Cluster {
  /** The brokers that there are, once they were asked for. */
  readonly brokerPool: { readonly metadata: { readonly brokers: readonly { readonly nodeId: number }[] } | null }
  connect(): Promise<void>
  disconnect(): Promise<void>
  refreshMetadata(): Promise<void>
  findBroker(which: { nodeId: number }): Promise<Broker>
  findGroupCoordinator(which: { groupId: string }): Promise<Broker>
  findControllerBroker(): Promise<Broker>
}

export interface Encoder {
  readonly buffer: Buffer
  writeBoolean(value: boolean): Encoder
  writeBuffer(value: Buffer): Encoder
  writeInt32(value: number): Encoder
  writeUVarInt(value: number): Encoder
  writeUVarIntString(value: string): Encoder
}

export interface Decoder {
  readBoolean(): boolean
  readBytes(length: number): Buffer
  readInt16(): number
  readInt32(): number
  readInt64(): { toString(): string }
  readTaggedFields(): unknown
  readUVarIntArray<T>(read: (decoder: Decoder) => T): T[] | null
  readUVarIntString(): string | null
}

interface RequestQueue {
  pending: readonly unknown[]
  throttledUntil: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  checkPendingRequests(): void
}

interface Assignment {
  encode(value: { version: number; assignment: { [topic: string]: readonly number[] } }): Buffer
  decode(bytes: Buffer): { assignment: { [topic: string]: number[] } } | null
}
interface Metadata {
  encode(value: { version: number; topics: readonly string[]; userData: Buffer }): Buffer
  decode(bytes: Buffer): { userData: Buffer }
}

/** What an authenticator is handed: one exchange of bytes with the broker. */
export interface Talk {
  saslAuthenticate: <T>(exchange: {
    request: { encode: () => Promise<Buffer> | Buffer }
    response?: { decode: (raw: Buffer) => Promise<T>; parse: (decoded: T) => Promise<T> }
  }) => Promise<T>
}
export type Provider = (talk: Talk) => { authenticate(): Promise<void> }

const require = createRequire(import.meta.url)
const inside = (path: string): unknown => require(`kafkajs/src/${path}`)

export const { Kafka, logLevel, Partitioners, CompressionTypes, CompressionCodecs } = kafkajs
export const ClusterClass = inside('cluster') as new (options: object) => Cluster
export const EncoderClass = inside('protocol/encoder') as new () => Encoder
export const DecoderClass = inside('protocol/decoder') as new (raw: Buffer) => Decoder
export const createLogger = (inside('loggers') as { createLogger: (options: object) => object }).createLogger
export const errorOf = (inside('protocol/error') as { createErrorFromCode: (code: number) => Error })
  .createErrorFromCode
export const { MemberAssignment, MemberMetadata } = inside('consumer/assignerProtocol') as {
  MemberAssignment: Assignment
  MemberMetadata: Metadata
}
const authenticator = (name: string) => inside(`broker/saslAuthenticator/${name}`) as (who: object) => Provider
export const authenticators = {
  plain: authenticator('plain'),
  'scram-sha-256': authenticator('scram256'),
  'scram-sha-512': authenticator('scram512'),
}

const version = (require('kafkajs/package.json') as { version: string }).version
if (version !== '2.2.4') throw new Error(`the Kafka adapter is made for kafkajs 2.2.4, and ${version} is installed`)

// The library arms a timer of 1 ms on every connection again and again, also where nothing waits.
const queue = (inside('network/requestQueue') as { prototype: object }).prototype as {
  scheduleCheckPendingRequests: (this: RequestQueue) => void
}
queue.scheduleCheckPendingRequests = function () {
  if (this.pending.length === 0 || this.throttleCheckTimeoutId) return
  const left = this.throttledUntil - Date.now()
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null
      this.checkPendingRequests()
    },
    left > 0 ? left : 10,
  )
}

interface Session {
  /** Seconds and nanoseconds on the clock that only goes on. */
  readonly authenticatedAt: [number, number] | null
  /** Milliseconds, a whole number of 64 bits; 0: no end. */
  readonly sessionLifetime: { toString(): string }
}

// The library authenticates anew 10 s before a session ends: at every request where sessions are shorter than that.
const connection = (inside('network/connection') as { prototype: object }).prototype as {
  isAuthenticated: (this: Session) => boolean
}
connection.isAuthenticated = function () {
  if (this.authenticatedAt === null) return false
  const lifetime = Number(this.sessionLifetime.toString())
  const [seconds, nanoseconds] = process.hrtime(this.authenticatedAt)
  return lifetime === 0 || seconds * 1000 + nanoseconds / 1e6 < 0.8 * lifetime
}

interface Pool {
  withBroker: <T>(this: Pool, ask: (which: { nodeId: string; broker: Broker }) => Promise<T>) => Promise<T | null>
}

// The library asks one broker after the other for a coordinator, and forgets why none of them would name it.
const pool = (inside('cluster/brokerPool') as { prototype: object }).prototype as Pool
const { withBroker } = pool
pool.withBroker = async function (this: Pool, ask) {
  let refusal: Error | undefined
  const answer = await withBroker.call(this, (which) =>
    ask(which).catch((error: unknown) => {
      if (error instanceof Error && 'type' in error && /_AUTHORIZATION_FAILED$/.test(String(error.type)))
        refusal = error
      throw error
    }),
  )
  if (answer === null && refusal !== undefined) throw refusal
  return answer as never
}

// In one piece where it goes: by default each 16 KB of the result is a task of its own, and all of them are copied.
const least = 16_384
const [compress, decompress] = [promisify(zstdCompress), promisify(zstdDecompress)]
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: ({ buffer }: { buffer: Buffer }) => compress(buffer, { chunkSize: least + buffer.length }),
  decompress: (buffer: Buffer) => decompress(buffer, { chunkSize: least + 4 * buffer.length }),
})

// Read only: producers elsewhere may use them.
const reading = (decompress: (buffer: Buffer) => Buffer) => () => ({
  compress: () => Promise.reject(new Error('records are written with zstd, or as they are')),
  decompress: async (buffer: Buffer) => decompress(buffer),
})
CompressionCodecs[CompressionTypes.LZ4] = reading(lz4)
CompressionCodecs[CompressionTypes.Snappy] = reading(snappy)
