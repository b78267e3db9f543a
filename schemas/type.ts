import avsc, { type Schema, type Type } from 'avsc'
import { defineOnce } from './names.ts'

/** What avsc reads from. Not in its typings; the version is pinned. */
interface Tap {
  readonly buf: Buffer
  pos: number
  readLong(): number
  skipLong(): void
  readString(): string
  writeDouble(value: number): void
}
interface Readable {
  _read(tap: Tap): unknown
}

/**
 * The size of the next block of an array or map. Each item takes at least one byte, so a larger number than there are
 * bytes is damage: avsc believes it, and twenty bytes of a stranger keep the process busy for years.
 */
const blockSize = (tap: Tap): number => {
  const size = tap.readLong()
  if (size < 0) tap.skipLong()
  if (!(Math.abs(size) <= tap.buf.length - tap.pos)) throw new Error('truncated buffer')
  return Math.abs(size)
}

class BoundedArray extends avsc.types.ArrayType {
  _read(tap: Tap): unknown[] {
    const item = this.itemsType as unknown as Readable
    const items: unknown[] = []
    for (let size = blockSize(tap); size > 0; size = blockSize(tap)) {
      while (size-- > 0) items.push(item._read(tap))
    }
    return items
  }
  _skip(tap: Tap): void {
    this._read(tap)
  }
}

class BoundedMap extends avsc.types.MapType {
  _read(tap: Tap): Record<string, unknown> {
    const item = this.valuesType as Readable
    const entries: [string, unknown][] = []
    for (let size = blockSize(tap); size > 0; size = blockSize(tap)) {
      while (size-- > 0) entries.push([tap.readString(), item._read(tap)])
    }
    return Object.fromEntries(entries)
  }
  _skip(tap: Tap): void {
    this._read(tap)
  }
}

/** Avro takes NaN and the infinities; every mean after them is lost, so that no record may hold one. */
class FiniteDouble extends avsc.types.DoubleType {
  _check(value: unknown, _flags: unknown, hook?: (value: unknown, type: Type) => void): boolean {
    const good = Number.isFinite(value)
    if (!good) hook?.(value, this)
    return good
  }
  _write(tap: Tap, value: number): void {
    if (!Number.isFinite(value)) throw new Error(`${value} is no finite number`)
    tap.writeDouble(value)
  }
}

const hook = (schema: unknown, options: object): Type | undefined => {
  if (schema === 'double') return new FiniteDouble()
  if (typeof schema !== 'object' || schema === null || !('type' in schema)) return undefined
  if (schema.type === 'array') return new BoundedArray(schema as Schema, options)
  return schema.type === 'map' ? new BoundedMap(schema as Schema, options) : undefined
}

const made = new WeakMap<object, Type>()

/**
 * The avsc type of a schema, whether a constant of ours or the text of a registry; made once per object.
 * @throws Error when it is no valid Avro schema.
 */
export const typeOf = (schema: object): Type => {
  const known = made.get(schema)
  if (known) return known
  const type = avsc.Type.forSchema(defineOnce(schema) as Schema, { omitRecordMethods: true, typeHook: hook })
  made.set(schema, type)
  return type
}
