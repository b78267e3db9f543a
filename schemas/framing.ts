/** The Confluent framing: a zero byte, the schema's id in four bytes (big end first), the Avro binary of the record. */
import type { Type } from 'avsc'
import { Rejected } from '../runtime/errors.ts'

const header = 5
/** A scratch buffer that a large record made larger than this is not kept. */
const keep = 1024 * 1024

/**
 * Writes into one scratch buffer and hands out a copy with memory of its own: a slice of a pool would keep the whole
 * pool alive for as long as the smallest record in it is held. (avsc's own `toBuffer` writes all above 1 KB twice.)
 */
export const framer = () => {
  let scratch = Buffer.allocUnsafeSlow(64 * 1024)
  return (type: Type, id: number, value: unknown): Buffer => {
    let end = type.encode(value, scratch, header)
    if (end < 0) {
      const larger = Buffer.allocUnsafeSlow(scratch.length - end)
      end = type.encode(value, larger, header)
      if (larger.length <= keep) scratch = larger
      return framed(larger, id, end)
    }
    return framed(scratch, id, end)
  }
}

const framed = (bytes: Buffer, id: number, end: number): Buffer => {
  const record = Buffer.allocUnsafeSlow(end)
  bytes.copy(record, 0, 0, end)
  record[0] = 0
  record.writeInt32BE(id, 1)
  return record
}

/**
 * The schema's id of a framed record.
 * @throws Rejected when the bytes are not framed.
 */
export const schemaId = (bytes: Buffer): number => {
  if (bytes.length <= header) throw new Rejected(`${bytes.length} bytes are too few for an Avro record with its header`)
  if (bytes[0] !== 0)
    throw new Rejected(`the first byte is ${bytes[0]} instead of 0: not Avro in the Confluent framing`)
  return bytes.readInt32BE(1)
}

/** The record without its header; shares memory with `bytes`. */
export const unframed = (bytes: Buffer): Buffer => bytes.subarray(header)
