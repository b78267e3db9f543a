import type { Topic } from './topic.ts'

/** Values to bytes and back. The runtime knows no schema language; `schemas/codec.ts` implements this with Avro. */
export interface Codec {
  /** Finds or makes the schemas of these topics; after it, `encode` needs no waiting. */
  prepare(topics: readonly Topic[]): Promise<void>
  /** @throws Rejected when the value does not fit the topic's schema. */
  encode<T>(topic: Topic<T>, value: T): Buffer
  /** @throws Rejected when the bytes are not of a schema that the topic can read; Unavailable. */
  decode<T>(topic: Topic<T>, bytes: Buffer): Promise<T>
}
