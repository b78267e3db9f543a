import { isUtf8 } from 'node:buffer'
import { Rejected } from '../../runtime/errors.ts'

/** A row of a table in text. */
export interface TableRow {
  readonly cells: readonly string[]
  readonly line: number
  /** Why it cannot be read; its cells are then worth nothing. */
  readonly fault: string | undefined
}

const [tab, newline, carriage, quote] = [9, 10, 13, 0x22]

/** A row that is longer is taken for one whose quote has no end. */
const longest = 16 * 1024 * 1024

const fault = {
  utf8: 'this is not UTF-8; save the file in that encoding',
  after: 'a cell goes on after its closing quote; double the quotes within a cell that begins with one',
  open: 'a cell begins with a quote that has no end; close it, or double the quotes within the cell',
}

/** A cell and where the next one begins; `undefined` when the bytes end before that can be told. */
interface Cell {
  readonly text: string
  readonly next: number
  /** It ends its row. */
  readonly last: boolean
  readonly fault?: string
}

const bare = (bytes: Buffer, from: number, final: boolean): Cell | undefined => {
  const end = bytes.indexOf(newline, from)
  const stop = bytes.indexOf(tab, from)
  if (stop >= 0 && (end < 0 || stop < end))
    return { text: bytes.toString('utf8', from, stop), next: stop + 1, last: false }
  if (end < 0 && !final) return undefined
  const to = end < 0 ? bytes.length : end
  const shown = to > from && bytes[to - 1] === carriage ? to - 1 : to
  return { text: bytes.toString('utf8', from, shown), next: to + 1, last: true }
}

/** Where the quote that opens at `from` is closed; negative when it is not. */
const closing = (bytes: Buffer, from: number): { at: number; doubled: boolean } => {
  let doubled = false
  let at = bytes.indexOf(quote, from + 1)
  while (at >= 0 && bytes[at + 1] === quote) [doubled, at] = [true, bytes.indexOf(quote, at + 2)]
  return { at, doubled }
}

const quoted = (bytes: Buffer, from: number, final: boolean): Cell | undefined => {
  const { at, doubled } = closing(bytes, from)
  if (at < 0) return final ? { text: '', next: bytes.length + 1, last: true, fault: fault.open } : undefined
  const after = bytes[at + 1] === carriage && (final || at + 2 < bytes.length) ? at + 2 : at + 1
  if (after >= bytes.length && !final) return undefined
  const whole = bytes.toString('utf8', from + 1, at)
  const text = doubled ? whole.replaceAll('""', '"') : whole
  if (bytes[after] === tab) return { text, next: after + 1, last: false }
  if (after >= bytes.length || bytes[after] === newline) return { text, next: after + 1, last: true }
  const end = bytes.indexOf(newline, after)
  if (end < 0 && !final) return undefined
  return { text, next: (end < 0 ? bytes.length : end) + 1, last: true, fault: fault.after }
}

const newlines = (bytes: Buffer, from: number, to: number): number => {
  let count = 0
  for (let at = bytes.indexOf(newline, from); at >= 0 && at < to; at = bytes.indexOf(newline, at + 1)) count++
  return count
}

/** The row that begins at `from`, or `undefined` when its end is not among the bytes. */
const rowAt = (bytes: Buffer, from: number, line: number, final: boolean) => {
  const cells: string[] = []
  for (let at = from; ;) {
    const cell = bytes[at] === quote ? quoted(bytes, at, final) : bare(bytes, at, final)
    if (!cell) return undefined
    cells.push(cell.text)
    at = cell.next
    if (!cell.last) continue
    const wrong = cell.fault ?? (isUtf8(bytes.subarray(from, Math.min(at, bytes.length))) ? undefined : fault.utf8)
    return { row: { cells, line, fault: wrong }, next: at }
  }
}

/**
 * Cuts a table of cells with tabs between them, as Python's csv module writes it: a cell that begins with a quote ends
 * with one, holds its quotes doubled, and may hold tabs and line ends. Rows without any cell but an empty one are left
 * out.
 */
export const tableRows = () => {
  let held: Buffer = Buffer.alloc(0)
  let line = 1
  const cut = (final: boolean): TableRow[] => {
    const rows: TableRow[] = []
    let from = 0
    while (from < held.length) {
      const found = rowAt(held, from, line, final)
      if (!found) break
      const { cells } = found.row
      if (cells.length > 1 || found.row.fault || cells[0]?.trim()) rows.push(found.row)
      line += newlines(held, from, found.next)
      from = found.next
    }
    held = held.subarray(from)
    if (held.length > longest) throw new Rejected(`line ${line}: this row is longer than 16 MB; is a quote not closed?`)
    return rows
  }
  return {
    push(bytes: Buffer): TableRow[] {
      held = held.length === 0 ? bytes : Buffer.concat([held, bytes])
      return cut(false)
    },
    end: (): TableRow[] => cut(true),
  }
}
