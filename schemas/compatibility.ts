import type { Type, types } from 'avsc'

/**
 * Why what was written as `written` cannot be read as `wanted`, with the field at fault; `undefined` when it can.
 * avsc decides; this finds the field that it does not name.
 */
export const incompatibility = (wanted: Type, written: Type): string | undefined => {
  try {
    wanted.createResolver(written)
    return undefined
  } catch (error) {
    return located(wanted, written, '') ?? (error as Error).message
  }
}

const readable = (wanted: Type, written: Type) => incompatibility(wanted, written) === undefined

const located = (wanted: Type, written: Type, path: string): string | undefined => {
  if (isRecord(wanted) && isRecord(written) && wanted.name === written.name) return inFields(wanted, written, path)
  if (isArray(wanted) && isArray(written)) return located(wanted.itemsType, written.itemsType, `${path}[]`)
  const optional = inner(wanted)
  const given = inner(written)
  if (optional && given && !readable(optional, given)) return located(optional, given, path)
  return `${path || 'the record'} was written as ${spelled(written)} and is to be read as ${spelled(wanted)}`
}

const inFields = (wanted: types.RecordType, written: types.RecordType, path: string): string | undefined => {
  for (const field of wanted.fields) {
    const at = path ? `${path}.${field.name}` : field.name
    const source = written.fields.find(({ name }) => name === field.name)
    if (!source && field.defaultValue() === undefined) return `the field ${at} is not in it and has no default`
    if (source && !readable(field.type, source.type)) return located(field.type, source.type, at)
  }
  return undefined
}

const isRecord = (type: Type): type is types.RecordType => type.typeName === 'record'
const isArray = (type: Type): type is types.ArrayType => type.typeName === 'array'

/** The type beside `null` in a union. */
const inner = (type: Type): Type | undefined =>
  type.typeName === 'union:unwrapped'
    ? (type as types.UnwrappedUnionType).types.find(({ typeName }) => typeName !== 'null')
    : undefined

const spelled = (type: Type): string =>
  type.typeName === 'union:unwrapped'
    ? (type as types.UnwrappedUnionType).types.map(spelled).join(' or ')
    : (type.name ?? type.typeName)
