import { isUtf8 } from 'node:buffer'
import { Fatal, Rejected, sentence } from '../../runtime/errors.ts'
import { chunks } from './chunks.ts'
import { asFields, givenId, unknownFields, type Fields } from './fields.ts'
import { items, lines, type Piece, type Splitter } from './split.ts'

export interface Line<T> {
  readonly value: T
  /** From 1. In a JSON array: where the item begins. */
  readonly line: number
  /** Bytes of the file read by now, to be set against its size: moves in steps of 256 KB. */
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
  /** @throws Rejected with a sentence that needs no place. */
  read(fields: Fields): T
  /** Set where an id stands for one record of the file. */
  id?(value: T): string
}

/** Past this many records of a file ids are no longer compared: 5 million take some 500 MB. */
const compared = 5_000_000

/**
 * The records of a JSON Lines file or of one JSON array, plain or packed with gzip, known by content and not by name.
 * One record at a time is held, whatever the size of the file.
 *
 * @throws Rejected for a record, with file, line and what to do; Fatal for the file: missing, a folder, cut short …
 */
export async function* readRecords<T>(
  path: string,
  shape: Shape<T>,
  options: ReadOptions = {},
): AsyncGenerator<Line<T>> {
  const { signal, onRefused, onIgnored } = options
  const parse = parser(path, shape, onIgnored ?? (() => {}))
  let seen = 0
  for await (const { piece, position } of pieces(path, signal)) {
    seen++
    try {
      const value = parse(piece)
      if (value !== undefined) yield { value, line: piece.line, position }
    } catch (error) {
      if (!(error instanceof Rejected && onRefused)) throw error
      onRefused(error, piece.line)
    }
  }
  if (seen === 0) throw new Fatal(`${path} is empty; it needs at least one record`)
}

/** The texts of the records. A file that cannot be cut at all is at fault as a whole. */
async function* pieces(path: string, signal?: AbortSignal): AsyncGenerator<{ piece: Piece; position: number }> {
  let splitter: Splitter | undefined
  let last = 0
  for await (const { bytes, position } of chunks(path, signal)) {
    const content = splitter ? bytes : withoutMark(bytes)
    splitter ??= content.toString('latin1', 0, 4096).trimStart().startsWith('[') ? items() : lines()
    for (const piece of cut(path, () => splitter?.push(content))) yield { piece, position }
    last = position
  }
  for (const piece of cut(path, () => splitter?.end())) yield { piece, position: last }
}

const cut = (path: string, work: () => Piece[] | undefined): Piece[] => {
  try {
    return work() ?? []
  } catch (error) {
    throw error instanceof Rejected ? new Fatal(`${path} ${error.message}`, { cause: error }) : error
  }
}

/** Without a byte order mark. */
const withoutMark = (bytes: Buffer) => (bytes.subarray(0, 3).equals(Buffer.from('\uFEFF')) ? bytes.subarray(3) : bytes)

/** Text to value; `undefined` for a record that says again, word for word, what one before it said. */
const parser = <T>(path: string, shape: Shape<T>, remark: (sentence: string) => void) => {
  const check = unknownFields(shape.known, (name) => remark(`${path}: the field ${name} is not read`))
  const first = new Map<string, string>()
  let repeats = 0

  const isRepeat = (fields: Fields, id: string, where: string): boolean => {
    const before = first.get(id)
    if (before === undefined) {
      if (first.size < compared) first.set(id, where)
      return false
    }
    if (givenId(fields) !== undefined)
      throw new Rejected(`the id ${id} was given to ${before} already; ids must differ`)
    if (repeats++ === 0) remark(`${path} ${where} says the same as ${before}; such repeats without an id are read once`)
    return true
  }

  return ({ bytes, where }: Piece): T | undefined => {
    try {
      const fields = asFields(json(bytes))
      check(fields)
      const value = shape.read(fields)
      return shape.id && isRepeat(fields, shape.id(value), where) ? undefined : value
    } catch (error) {
      throw error instanceof Rejected ? new Rejected(`${path} ${where}: ${error.message}`, { cause: error }) : error
    }
  }
}

const json = (bytes: Buffer): unknown => {
  if (!isUtf8(bytes)) throw new Rejected('this is not UTF-8; save the file in that encoding')
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw new Rejected(`this is not JSON (${reason(sentence(error))}); mend or delete the line`)
  }
}

/** What the JSON parser says, without its own idea of the place and without a copy of the text. */
const reason = (message: string) => {
  const said = message
    .replace(/, (\.\.\.)?".*$/s, '')
    .replace(/ (in JSON|of JSON input|after JSON|is not valid JSON)\b.*$/s, '')
  return said.charAt(0).toLowerCase() + said.slice(1)
}
