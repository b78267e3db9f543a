import { Fatal, Rejected, sentence } from '../../runtime/errors.ts'
import { givenId, unknownFields, type Fields } from './fields.ts'
import { records, type Found, type Wanted } from './found.ts'
import { seenIds } from './ids.ts'

export interface Line<T> {
  readonly value: T
  /** From 1. In a JSON array: where the item begins. Of a Parquet file: the row. */
  readonly line: number
  /** Bytes of the file read by now, to be set against its size: moves in steps of 256 KB, or of a row group. */
  readonly position: number
}

export interface ReadOptions {
  signal?: AbortSignal
  /** Hears of a record that cannot be read, and reading goes on with the next. Without it the first one ends it. */
  onRefused?: (error: Rejected, line: number) => void
  /** Hears once, in a sentence, of what is in the file and not read. */
  onIgnored?: (remark: string) => void
}

/** How one kind of record is read. */
export interface Shape<T> {
  /** Names of its fields; any other is refused when it looks like a slip of one of these, else ignored. */
  readonly known: readonly string[]
  /** What somebody else's record says in these names; `undefined`: it is left out. `names` are columns that it needs. */
  readonly translation?: {
    readonly names: readonly string[]
    readonly leftOut: string
    translate(fields: Fields): Fields | undefined
  }
  /** Set where it may come in a table of text. */
  readonly table?: Wanted['table']
  /** @throws Rejected with a sentence that needs no place. */
  read(fields: Fields): T
  /** Set where an id stands for one record of the file. */
  id?(value: T): string
  /** What to say of a second record whose id, which follows from its content, was met before; none: it is read once. */
  readonly repeated?: string
}

/**
 * The records of a file, known by content and not by name: JSON Lines, one JSON array, SQuAD's and TriviaQA's documents
 * and tables with tabs, plain or packed with gzip; Parquet. One record at a time is held (of Parquet a row group),
 * whatever the size of the file, and of ids what adapters/files/ids.ts says.
 *
 * @throws Rejected for a record, with file, line and what to do; Fatal for the file: missing, a folder, cut short …
 */
export async function* readRecords<T>(
  path: string,
  shape: Shape<T>,
  options: ReadOptions = {},
): AsyncGenerator<Line<T>> {
  const { signal, onRefused, onIgnored } = options
  const { parse, leftOut, ignored } = parser(path, shape, onIgnored ?? (() => {}))
  const names = [...shape.known, ...(shape.translation?.names ?? [])]
  let seen = 0
  for await (const found of records(path, { names, ...(shape.table && { table: shape.table }), ignored }, signal)) {
    seen++
    try {
      const value = parse(found)
      if (value !== undefined) yield { value, line: found.line, position: found.position }
    } catch (error) {
      if (!(error instanceof Rejected && onRefused)) throw error
      onRefused(error, found.line)
    }
  }
  if (seen === 0) throw new Fatal(`${path} is empty; it needs at least one record`)
  if (leftOut() > 0) onIgnored?.(`${path}: ${leftOut()} ${shape.translation?.leftOut ?? 'records'} left out`)
}

/** A record that was found to its value; `undefined` for one that is left out, or says again what one before it said. */
const parser = <T>(path: string, shape: Shape<T>, remark: (sentence: string) => void) => {
  const check = unknownFields(shape.known, (name) => remark(`${path}: the field ${name} is not read`))
  /** A column that is not read stands for the whole file: a slip in its name is the file's fault. */
  const ignored = (name: string) => {
    try {
      check({ [name]: null })
    } catch (error) {
      throw new Fatal(`${path}: ${sentence(error)}`, { cause: error })
    }
  }
  const isRepeat = repeats(path, shape, remark)
  let leftOut = 0
  const parse = (found: Found): T | undefined => {
    try {
      const own = found.open()
      const fields = shape.translation ? shape.translation.translate(own) : own
      if (!fields) leftOut++
      if (!fields) return undefined
      check(fields)
      const value = shape.read(fields)
      return shape.id && isRepeat(fields, shape.id(value), found) ? undefined : value
    } catch (error) {
      throw error instanceof Rejected
        ? new Rejected(`${path} ${found.where}: ${error.message}`, { cause: error })
        : error
    }
  }
  return { parse, ignored, leftOut: () => leftOut }
}

const repeats = <T>(path: string, { repeated }: Shape<T>, remark: (sentence: string) => void) => {
  const ids = seenIds()
  let told = false
  return (fields: Fields, id: string, { where, unit, number }: Found): boolean => {
    const before = ids.before(id, number)
    if (before === undefined) return false
    const first = `${unit} ${before}`
    if (givenId(fields) !== undefined) throw new Rejected(`the id ${id} was given to ${first} already; ids must differ`)
    if (repeated !== undefined) throw new Rejected(`this ${repeated.replace('%', first)}`)
    if (!told) remark(`${path} ${where} says the same as ${first}; such repeats without an id are read once`)
    told = true
    return true
  }
}
