import type { Type, types } from 'avsc'

/** `['passages', '3', 'score']` → `passages[3].score` */
const spelled = (path: readonly string[]) =>
  path.reduce((whole, part) => (/^\d+$/.test(part) ? `${whole}[${part}]` : whole ? `${whole}.${part}` : part), '')

const wanted = (type: Type): string => {
  if (type.typeName === 'union:unwrapped') return (type as types.UnwrappedUnionType).types.map(wanted).join(' or ')
  if (type.typeName === 'double') return 'a finite number'
  return type.typeName === 'record' ? `a record ${type.name?.split('.').at(-1)}` : type.typeName
}

const shown = (value: unknown): string => {
  if (value === undefined) return 'nothing'
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? typeof value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

const undeclared = (value: unknown, type: Type): string | undefined => {
  if (type.typeName !== 'record' || typeof value !== 'object' || value === null) return undefined
  const known = new Set((type as types.RecordType).fields.map(({ name }) => name))
  return Object.keys(value).find((name) => !known.has(name))
}

/** What is wrong with the first field that does not fit its type; `undefined` when all do. */
export const misfit = (type: Type, value: unknown, { noUndeclaredFields = false } = {}): string | undefined => {
  const found: string[] = []
  const errorHook = (path: string[], at: unknown, expected: Type) => {
    const extra = undeclared(at, expected)
    const where = spelled(path)
    if (extra !== undefined) found.push(`${where ? `${where}.` : ''}${extra} is no field of ${wanted(expected)}`)
    else found.push(`${where || 'the value'} must be ${wanted(expected)}, not ${shown(at)}`)
  }
  if (type.isValid(value, { noUndeclaredFields, errorHook })) return undefined
  return found[0] ?? 'a field does not fit its type'
}
