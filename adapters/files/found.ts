/** What a file holds, one record after the other, whatever its format: known by content, never by its name. */
import { isUtf8 } from 'node:buffer'
import { Fatal, Rejected, sentence } from '../../runtime/errors.ts'
import { chunks } from './chunks.ts'
import { asFields, type Fields } from './fields.ts'
import { documentArray, spread } from './documents.ts'
import { isParquet, openParquet, plain } from './rows.ts'
import { items, lines, type Piece, type Splitter } from './split.ts'
import { tableRows, type TableRow } from './table.ts'

/** A record as its file tells it, before anybody knows what it means. */
export interface Found {
  /** @throws Rejected with a sentence that needs no place. */
  open(): Fields
  readonly line: number
  /** Bytes of the file read by now. */
  readonly position: number
  /** For people: `line 7`, `line 1, item 7`, `row 7`. */
  readonly where: string
  /** What tells it from the file's other records, in short: `line 7`, `item 7`, `row 7`. */
  readonly unit: 'line' | 'item' | 'row'
  readonly number: number
}

/** What a reader wants of formats with columns. */
export interface Wanted {
  /** Names of columns that it reads. */
  readonly names: readonly string[]
  /** A table in text is read at all, and with these columns where its first line names none. */
  readonly table?: { readonly unnamed: readonly string[]; readonly cell: (name: string, text: string) => unknown }
  /** Hears of a column that is not read. */
  readonly ignored: (name: string) => void
}

/**
 * The records of JSON Lines, one JSON array, a JSON document with an array of records, a table with tabs, each plain or
 * packed with gzip; or of a Parquet file. One record (of Parquet: one row group) is held at a time.
 *
 * @throws Fatal for the file: missing, a folder, cut short, without columns that can be read …
 */
export async function* records(path: string, wanted: Wanted, signal?: AbortSignal): AsyncGenerator<Found> {
  if (isParquet(path)) yield* parquet(path, wanted, signal)
  else yield* ofText(path, wanted, signal)
}

async function* ofText(path: string, wanted: Wanted, signal?: AbortSignal): AsyncGenerator<Found> {
  let cut: ((bytes?: Buffer) => Opened[]) | undefined
  let last = 0
  for await (const { bytes, position } of chunks(path, signal)) {
    const content = cut ? bytes : withoutMark(bytes)
    cut ??= cutter(content, wanted)
    for (const found of whole(path, () => cut?.(content))) yield { ...found, position }
    last = position
  }
  for (const found of whole(path, () => cut?.())) yield { ...found, position: last }
}

type Opened = Omit<Found, 'position'>

/** A file that cannot be cut at all is at fault as a whole. */
const whole = (path: string, work: () => Opened[] | undefined): Opened[] => {
  try {
    return work() ?? []
  } catch (error) {
    throw error instanceof Rejected ? new Fatal(`${path} ${error.message}`, { cause: error }) : error
  }
}

/** Without a byte order mark. */
const withoutMark = (bytes: Buffer) => (bytes.subarray(0, 3).equals(Buffer.from('\uFEFF')) ? bytes.subarray(3) : bytes)

/** What cuts a file that begins like this. The bytes of its beginning come again, as the first ones to be cut. */
const cutter = (head: Buffer, wanted: Wanted): ((bytes?: Buffer) => Opened[]) => {
  const start = head.toString('latin1', 0, 64 * 1024)
  if (start.trimStart().startsWith('[')) return json(items(), (piece) => [ofJson(piece)])
  const array = documentArray(start)
  if (array) return json(skipping(array.at, items(array.line)), ofDocument)
  if (wanted.table && isTable(start)) return table(wanted)
  return json(lines(), (piece) => [ofJson(piece)])
}

const isTable = (start: string) => /^[^{\n][^\n]*\t/.test(start.trimStart())

const json = (splitter: Splitter, open: (piece: Piece) => Opened[]) => (bytes?: Buffer) =>
  (bytes ? splitter.push(bytes) : splitter.end()).flatMap(open)

/** Leaves out what comes before `at`. */
const skipping = (at: number, splitter: Splitter): Splitter => {
  let left = at
  return {
    push(bytes) {
      const rest = bytes.subarray(left)
      left -= bytes.length - rest.length
      return splitter.push(rest)
    },
    end: () => splitter.end(),
  }
}

const ofJson = ({ bytes, line, item }: Piece): Opened => ({
  open: () => asFields(parsed(bytes)),
  line,
  where: item === undefined ? `line ${line}` : `line ${line}, item ${item}`,
  ...(item === undefined ? { unit: 'line', number: line } : { unit: 'item', number: item }),
})

/** An item of such a document may hold many records. */
const ofDocument = (piece: Piece): Opened[] => {
  const one = ofJson(piece)
  try {
    const all = spread(one.open())
    return all.map(({ fields, name }) => ({
      ...one,
      open: () => fields,
      where: name === '' ? one.where : `${one.where}, ${name}`,
    }))
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    return [
      {
        ...one,
        open: () => {
          throw error
        },
      },
    ]
  }
}

const parsed = (bytes: Buffer): unknown => {
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

const table = ({ names, table, ignored }: Wanted) => {
  const rows = tableRows()
  let columns: readonly string[] | undefined
  const cell = table?.cell ?? ((_name: string, text: string) => text)
  const named = (row: TableRow): boolean => {
    if (columns) return true
    const first = row.cells.map((name) => name.trim())
    if (first.filter((name) => names.includes(name)).length >= 2) {
      columns = first
      first.filter((name) => !names.includes(name)).forEach(ignored)
      return false
    }
    columns = table?.unnamed ?? []
    if (columns.length > 0) return true
    throw new Rejected(`line ${row.line}: the first line of a table must name its columns, such as id, text, title`)
  }
  return (bytes?: Buffer): Opened[] =>
    (bytes ? rows.push(bytes) : rows.end()).filter(named).map((row) => ofRow(row, columns ?? [], names, cell))
}

const ofRow = (
  { cells, line, fault }: TableRow,
  columns: readonly string[],
  names: readonly string[],
  cell: (name: string, text: string) => unknown,
): Opened => ({
  open() {
    if (fault !== undefined) throw new Rejected(fault)
    if (cells.length !== columns.length)
      throw new Rejected(`there are ${cells.length} columns here, not ${columns.length} (${columns.join(', ')})`)
    const fields: Record<string, unknown> = {}
    columns.forEach((name, i) => {
      if (names.includes(name)) fields[name] = cell(name, cells[i] ?? '')
    })
    return fields
  },
  line,
  where: `line ${line}`,
  unit: 'line',
  number: line,
})

async function* parquet(path: string, { names, ignored }: Wanted, signal?: AbortSignal): AsyncGenerator<Found> {
  const file = await openParquet(path)
  const columns = file.columns.filter((name) => names.includes(name))
  if (columns.length === 0)
    throw new Fatal(`${path} has no column that can be read; it has ${file.columns.join(', ') || 'none'}`)
  file.columns.filter((name) => !names.includes(name)).forEach(ignored)
  for await (const { start, rows } of file.read(columns)) {
    const position = Math.round((file.bytes * (start + rows.length)) / file.rows)
    for (const [i, cells] of rows.entries()) {
      signal?.throwIfAborted()
      const number = start + i + 1
      const open = () => plain(cells) as Fields
      yield { open, line: number, position, where: `row ${number}`, unit: 'row', number }
    }
  }
}
