import type { Type } from 'avsc'
import type { Codec } from '../runtime/codec.ts'
import { Rejected, sentence } from '../runtime/errors.ts'
import { incompatibility } from './compatibility.ts'
import { framer, schemaId, unframed } from './framing.ts'
import { misfit } from './invalid.ts'
import { defineOnce } from './names.ts'
import type { SchemaRegistry } from './registry.ts'
import { typeOf } from './type.ts'

export interface AvroCodecOptions {
  /** The registry's subject of a topic, from the topic's name in the catalogue. */
  subject: (topic: string) => string
  /** Refuse a field that the schema lacks instead of dropping it in silence. Walks the value once more; for tests. */
  strict?: boolean
}

/** Avro bytes to a value as the newest schema has it. */
type Read = (bytes: Buffer) => unknown

/**
 * Avro records in the Confluent framing. What was written with any released schema is read as the newest: fields that
 * it lacks get their defaults. A topic without a schema carries Buffers as they are. `prepare` throws what the registry
 * throws; `encode` before it is a bug and throws a plain Error. Decoded `bytes` share memory with nothing that came in
 * and stand at any offset: copy them before you look at them as float64.
 */
export const avroCodec = (registry: SchemaRegistry, { subject, strict = false }: AvroCodecOptions): Codec => {
  const ids = new Map<string, number>()
  const write = framer()
  const reader = readers(registry)

  const encode = (topic: string, schema: object, value: unknown): Buffer => {
    const id = ids.get(topic)
    if (id === undefined) throw new Error(`prepare the codec for the topic ${topic} before writing to it`)
    const type = typeOf(schema)
    const wrong = strict ? misfit(type, value, { noUndeclaredFields: true }) : undefined
    if (wrong) throw new Rejected(`this does not fit the topic ${topic}: ${wrong}`)
    try {
      return write(type, id, value)
    } catch (cause) {
      throw new Rejected(`this does not fit the topic ${topic}: ${misfit(type, value) ?? sentence(cause)}`, { cause })
    }
  }

  return {
    async prepare(topics) {
      for (const { name, schema } of topics) {
        if (schema && !ids.has(name)) ids.set(name, await registry.register(subject(name), defineOnce(schema)))
      }
    },
    encode({ name, schema }, value) {
      if (schema) return encode(name, schema, value)
      if (!Buffer.isBuffer(value)) throw new Rejected(`the topic ${name} has no schema and takes bytes only`)
      return value
    },
    // The casts: a topic's type is inferred from its schema, and the bytes have passed it.
    async decode({ schema }, bytes) {
      if (!schema) return bytes as never
      const read = await reader(typeOf(schema), schemaId(bytes))
      return read(unframed(bytes)) as never
    },
  }
}

/** How each pair of a wanted type and a written schema is read, worked out once per pair. */
const readers = (registry: SchemaRegistry) => {
  const readers = new Map<Type, Map<number, Promise<Read>>>()
  const written = new Map<number, Promise<Type>>()

  return (type: Type, id: number): Promise<Read> => {
    const ofType = readers.get(type) ?? new Map<number, Promise<Read>>()
    readers.set(type, ofType)
    return remembered(ofType, id, async () =>
      reading(type, await remembered(written, id, async () => parsed(id, await registry.schema(id))), id),
    )
  }
}

/** A failure is not remembered: the registry may be back, or know the id, the next time. */
const remembered = <T>(known: Map<number, Promise<T>>, id: number, make: () => Promise<T>): Promise<T> => {
  const before = known.get(id)
  if (before) return before
  const made = make()
  known.set(id, made)
  made.catch(() => known.delete(id))
  return made
}

const parsed = (id: number, schema: object): Type => {
  try {
    return typeOf(schema)
  } catch (cause) {
    throw new Rejected(`the registry's schema ${id} is no Avro schema (${sentence(cause)})`, { cause })
  }
}

const reading = (type: Type, written: Type, id: number): Read => {
  const resolver = type.equals(written) ? undefined : resolved(type, written, id)
  return (bytes) => {
    try {
      return type.fromBuffer(bytes, resolver) as unknown
    } catch (cause) {
      throw new Rejected(`these bytes are no ${type.name} of schema ${id} (${sentence(cause)})`, { cause })
    }
  }
}

const resolved = (type: Type, written: Type, id: number) => {
  const conflict = incompatibility(type, written)
  if (conflict) throw new Rejected(`schema ${id} cannot be read as ${type.name}: ${conflict}`)
  return type.createResolver(written)
}
