/** Fields of one record of a file, each taken with a sentence for what may be wrong with it. */
import { createHash } from 'node:crypto'
import { Rejected } from '../../runtime/errors.ts'

export type Fields = Readonly<Record<string, unknown>>

const kind = (value: unknown) =>
  value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value === 'object' ? 'record' : typeof value}`

/** @throws Rejected when the value is no JSON object. */
export const asFields = (value: unknown): Fields => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw new Rejected(`this is ${kind(value)}, not a record; write it as {"field": value, …}`)
}

/** The first of these fields that says something. */
const find = (fields: Fields, names: readonly string[]) => {
  const name = names.find((candidate) => fields[candidate] !== undefined && fields[candidate] !== null)
  return name === undefined ? undefined : { name, value: fields[name] }
}

const missing = (fields: Fields, names: readonly string[], what: string) =>
  new Rejected(
    `${what} is missing; give it as ${names.join(' or ')} (this record has ${Object.keys(fields).join(', ') || 'no fields'})`,
  )

/** Text that is not blank. Half a surrogate pair, which no UTF-8 can hold, becomes U+FFFD. */
export const text = (fields: Fields, what: string, ...names: string[]): string => {
  const found = find(fields, names)
  if (!found) throw missing(fields, names, what)
  const value = asText(found.name, found.value)
  if (value.trim() === '') throw new Rejected(`${found.name} is empty; fill it in or delete the record`)
  return value
}

/** Text, or `otherwise` where it is missing or null. */
export const optionalText = (fields: Fields, otherwise: string, ...names: string[]): string => {
  const found = find(fields, names)
  return found ? asText(found.name, found.value) : otherwise
}

const asText = (name: string, value: unknown): string => {
  if (typeof value === 'string') return value.toWellFormed()
  throw new Rejected(`${name} is ${kind(value)}; it must be a text in quotes`)
}

/** One text or a list of texts; `undefined` where the field is missing. Numbers are taken as they are written. */
export const texts = (fields: Fields, ...names: string[]): string[] | undefined => {
  const found = find(fields, names)
  if (!found) return undefined
  const list: unknown[] = Array.isArray(found.value) ? found.value : [found.value]
  return list.map((value, i) => {
    if (typeof value === 'number') return String(value)
    return asText(Array.isArray(found.value) ? `${found.name}[${i}]` : found.name, value)
  })
}

/** @throws Rejected where there is no such list. */
export const requiredTexts = (fields: Fields, what: string, ...names: string[]): string[] => {
  const found = texts(fields, ...names)
  if (!found) throw missing(fields, names, what)
  return found
}

/** The id as it is given; `undefined` where it is missing. */
export const givenId = (fields: Fields): string | undefined => {
  const found = find(fields, ['id', '_id'])
  if (!found) return undefined
  if (typeof found.value === 'number') return String(found.value)
  const id = asText(found.name, found.value)
  if (id.trim() === '')
    throw new Rejected(`${found.name} is empty; fill it in, or leave it out and get one from the content`)
  return id
}

/** An id that follows from content: 16 hexadecimal digits of its SHA-256. */
export const derivedId = (content: string): string => createHash('sha256').update(content).digest('hex').slice(0, 16)

/**
 * Looks at the names that a reader does not know. One that is a slip of the pen away from a known name is refused,
 * because what it holds would be lost in silence; any other is foreign and left alone, and `ignored` hears of it once.
 */
export const unknownFields = (known: readonly string[], ignored: (name: string) => void) => {
  const seen = new Set(known)
  return (fields: Fields) => {
    for (const name of Object.keys(fields)) {
      if (seen.has(name)) continue
      const meant = known.find((candidate) => isSlip(name, candidate))
      if (meant !== undefined) throw new Rejected(`the field ${name} is unknown; did you mean ${meant}?`)
      seen.add(name)
      ignored(name)
    }
  }
}

const plain = (name: string) => name.toLowerCase().replace(/[_\s-]/g, '')

/** Written another way (`goldenAnswers`), or one letter added, dropped, changed or swapped with its neighbour. */
const isSlip = (name: string, known: string): boolean => {
  let [a, b] = [plain(name), plain(known)]
  while (a !== '' && a[0] === b[0]) [a, b] = [a.slice(1), b.slice(1)]
  while (a !== '' && a.at(-1) === b.at(-1)) [a, b] = [a.slice(0, -1), b.slice(0, -1)]
  const swapped = a.length === 2 && b.length === 2 && a[0] === b[1] && a[1] === b[0]
  return swapped || (a.length <= 1 && b.length <= 1)
}
