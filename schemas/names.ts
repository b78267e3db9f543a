/**
 * A schema as Avro wants it. The constants nest one record in several places (`Query` in nearly all), but a schema may
 * define a name only once: the first place keeps the definition, later ones name it.
 * @throws Error when two different records of one schema have the same name.
 */
export const defineOnce = (schema: object): object => {
  const defined = new Map<string, object>()
  const named = (record: { name: string; namespace?: string }, fields: readonly object[]) => {
    const name = record.namespace === undefined ? record.name : `${record.namespace}.${record.name}`
    const before = defined.get(name)
    if (before === record) return name
    if (before !== undefined) throw new Error(`two different records are called ${name}`)
    defined.set(name, record)
    return { ...record, fields: fields.map(field) }
  }
  const field = (value: object): object => ('type' in value ? { ...value, type: expand(value.type) } : value)
  const expand = (type: unknown): unknown => {
    if (Array.isArray(type)) return type.map(expand)
    if (typeof type !== 'object' || type === null || !('type' in type)) return type
    if (isRecord(type)) return named(type, type.fields)
    if ('items' in type) return { ...type, items: expand(type.items) }
    if ('values' in type) return { ...type, values: expand(type.values) }
    return type
  }
  return expand(schema) as object
}

const isRecord = (type: object): type is { name: string; namespace?: string; fields: readonly object[] } =>
  'name' in type && 'fields' in type && Array.isArray(type.fields)
