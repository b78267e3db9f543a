/**
 * Records as Kafka writes them, in one pass. kafkajs makes a buffer of 512 bytes for each record and for each of its
 * headers, counts in BigInt, and copies a batch once for each record that joins it: half of the time that a small
 * record took. This module puts what is here in the place of the library's own functions, so it has to be imported
 * before the library; where it comes too late, records are written more slowly and no differently.
 */
import { createRequire } from 'node:module'

type Bytes = Buffer | string | null | undefined

export interface Written {
  readonly offsetDelta?: number
  /** Milliseconds after the first record of the batch. */
  readonly timestampDelta?: number
  readonly key?: Bytes
  readonly value?: Bytes
  readonly headers?: { readonly [name: string]: Bytes | readonly Bytes[] }
}

/** What the library knows of the batch that a record stands in; its numbers are text. */
export interface BatchContext {
  readonly firstOffset: string
  readonly firstTimestamp: string
  readonly maxTimestamp: string
  /** 1 where the broker's clock counts. */
  readonly timestampType: number
  readonly isControlBatch: boolean
  readonly magicByte: number
}

/** Zigzag, so that small negative numbers are short; exact below 2^52, by division, as shifts end at 2^31. */
const zigzag = (n: number) => (n >= 0 ? 2 * n : -2 * n - 1)
const sizeOf = (n: number): number => {
  let size = 1
  for (let rest = zigzag(n); rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}
const lengthOf = (bytes: Bytes) =>
  bytes == null ? -1 : typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length
const sized = (length: number) => sizeOf(length) + Math.max(0, length)

const writeNumber = (into: Buffer, at: number, n: number): number => {
  let rest = zigzag(n)
  for (; rest >= 128; rest = Math.floor(rest / 128)) into[at++] = (rest % 128) + 128
  into[at++] = rest
  return at
}
const writeBytes = (into: Buffer, at: number, bytes: Bytes, length: number): number => {
  const from = writeNumber(into, at, length)
  if (bytes == null) return from
  if (typeof bytes === 'string') into.write(bytes, from)
  else bytes.copy(into, from)
  return from + length
}

/** A list as the value of a header stands for a header of that name for each of its items. */
const listed = (headers: NonNullable<Written['headers']>): [string, Bytes][] => {
  const list: [string, Bytes][] = []
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (Array.isArray(value)) for (const each of value as readonly Bytes[]) list.push([name, each])
    else list.push([name, value as Bytes])
  }
  return list
}

/** Length, attributes, time and offset within the batch, key, value, headers. The answer is what the library takes for an encoder. */
export const writeRecord = ({ offsetDelta = 0, timestampDelta = 0, key, value, headers = {} }: Written) => {
  const all = listed(headers)
  const [keyLength, valueLength] = [lengthOf(key), lengthOf(value)]
  let size =
    1 + sizeOf(timestampDelta) + sizeOf(offsetDelta) + sized(keyLength) + sized(valueLength) + sizeOf(all.length)
  for (const [name, text] of all) size += sized(Buffer.byteLength(name)) + sized(lengthOf(text))
  const into = Buffer.allocUnsafe(sizeOf(size) + size)
  let at = writeNumber(into, 0, size)
  into[at++] = 0 // attributes: none are defined
  at = writeNumber(into, at, timestampDelta)
  at = writeNumber(into, at, offsetDelta)
  at = writeBytes(into, at, key, keyLength)
  at = writeBytes(into, at, value, valueLength)
  at = writeNumber(into, at, all.length)
  for (const [name, text] of all) {
    at = writeBytes(into, at, name, Buffer.byteLength(name))
    at = writeBytes(into, at, text, lengthOf(text))
  }
  return { buf: into, buffer: into }
}

/** Reads one number after the other out of the bytes of a record. */
const reading = (bytes: Buffer) => {
  let at = 0
  const number = (): number => {
    let [value, scale] = [0, 1]
    for (;;) {
      const byte = bytes[at++]
      if (byte === undefined) throw new Error('a record ends in the middle of a number')
      value += (byte & 127) * scale
      if (byte < 128) break
      scale *= 128
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
  const piece = (): Buffer | null => {
    const length = number()
    if (length < 0) return null
    at += length
    return bytes.subarray(at - length, at)
  }
  return { number, piece, skip: (n: number) => void (at += n) }
}

type Headers = { [name: string]: Buffer | null | (Buffer | null)[] }

const readHeaders = ({ number, piece }: ReturnType<typeof reading>): Headers => {
  const headers = Object.create(null) as Headers // a header may be called `constructor`
  for (let left = number(); left > 0; left--) {
    const name = piece()?.toString() ?? ''
    const value = piece()
    const before = headers[name]
    if (before === undefined) headers[name] = value
    else headers[name] = Array.isArray(before) ? [...before, value] : [before, value]
  }
  return headers
}

const logAppendTime = 1

/** The record at the start of the decoder's bytes, as the library describes it. Its parts share memory with them. */
export const readRecord = ({ buffer }: { readonly buffer: Buffer }, batchContext: BatchContext) => {
  const { firstOffset, firstTimestamp, maxTimestamp, timestampType, isControlBatch, magicByte } = batchContext
  const from = reading(buffer)
  from.skip(1)
  const created = Number(firstTimestamp) + from.number()
  const offset = Number(firstOffset) + from.number()
  const timestamp = timestampType === logAppendTime && maxTimestamp ? maxTimestamp : String(created)
  const [key, value] = [from.piece(), from.piece()]
  const headers = readHeaders(from)
  const about = { magicByte, attributes: 0, isControlRecord: isControlBatch, batchContext }
  return { ...about, timestamp, offset: String(offset), key, value, headers }
}

interface Grouping<M> {
  readonly topic: string
  readonly partitionMetadata: readonly unknown[]
  readonly messages: readonly M[]
  readonly partitioner: (about: { topic: string; partitionMetadata: readonly unknown[]; message: M }) => number
}

/** Messages by partition, each looked at once. */
export const grouped = <M>({ topic, partitionMetadata, messages, partitioner }: Grouping<M>): { [at: number]: M[] } => {
  const byPartition: { [at: number]: M[] } = {}
  if (partitionMetadata.length === 0) return byPartition
  for (const message of messages) (byPartition[partitioner({ topic, partitionMetadata, message })] ??= []).push(message)
  return byPartition
}

const require = createRequire(import.meta.url)
const replace = (path: string, by: unknown) => {
  const file = require.resolve(`kafkajs/src/${path}`)
  require(file)
  const found = require.cache[file]
  if (found) found.exports = by
}
replace('protocol/recordBatch/record/v0/index.js', writeRecord)
replace('protocol/recordBatch/record/v0/decoder.js', readRecord)
replace('producer/groupMessagesPerPartition.js', grouped)
