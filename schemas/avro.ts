/**
 * A record is written once, as an Avro schema constant; its TypeScript type is inferred from it.
 *
 * Allowed: null, boolean, int, long, float, double, bytes, string, record, array, map, and unions of `null` with one
 * type. No enums: adding a symbol breaks FULL_TRANSITIVE compatibility.
 */
export type Avro<S> = S extends 'null'
  ? null
  : S extends 'boolean'
    ? boolean
    : S extends 'int' | 'long' | 'float' | 'double'
      ? number
      : S extends 'string'
        ? string
        : S extends 'bytes'
          ? Buffer
          : S extends readonly unknown[]
            ? Avro<S[number]>
            : S extends { readonly type: 'array'; readonly items: infer I }
              ? Avro<I>[]
              : S extends { readonly type: 'map'; readonly values: infer V }
                ? Record<string, Avro<V>>
                : S extends { readonly type: 'record'; readonly fields: infer F extends readonly AvroField[] }
                  ? { [K in F[number] as K['name']]: Avro<K['type']> }
                  : never

export interface AvroField {
  readonly name: string
  readonly type: unknown
  readonly doc?: string
  readonly default?: unknown
}

/** The field is absent where a record was written before the field was added, or has nothing to say. */
export const optional = <const T>(type: T) => ['null', type] as const
