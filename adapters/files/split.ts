import { Rejected } from '../../runtime/errors.ts'

/** The text of one record, where its file begins to tell it. */
export interface Piece {
  readonly bytes: Buffer
  readonly line: number
  /** Which item of an array it is, from 1. */
  readonly item?: number
}

/** Cuts a content that comes in parts. @throws Rejected with the line, when it cannot be cut. */
export interface Splitter {
  push(bytes: Buffer): Piece[]
  end(): Piece[]
}

/** A record that is longer is taken for a file without line ends. */
const longest = 64 * 1024 * 1024

const tooLong = (line: number) =>
  new Rejected(`line ${line}: this record is longer than 64 MB; put each record on a line of its own`)

/** Bytes that were not cut yet. */
const holder = () => {
  let held: Buffer[] = []
  let size = 0
  return {
    add(bytes: Buffer, line: number) {
      if (bytes.length === 0) return
      size += bytes.length
      if (size > longest) throw tooLong(line)
      held.push(bytes)
    },
    take(rest: Buffer): Buffer {
      const whole = held.length === 0 ? rest : Buffer.concat([...held, rest])
      held = []
      size = 0
      return whole
    },
  }
}

const nothing = Buffer.alloc(0)
const isBlank = (bytes: Buffer) => bytes.every((byte) => byte === 32 || (byte >= 9 && byte <= 13))

/** JSON Lines: one record a line, blank lines left out. */
export const lines = (): Splitter => {
  const held = holder()
  let line = 1
  const piece = (bytes: Buffer): Piece[] => (isBlank(bytes) ? [] : [{ bytes, line }])
  return {
    push(bytes) {
      const pieces: Piece[] = []
      let from = 0
      for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, from)) {
        pieces.push(...piece(held.take(bytes.subarray(from, at))))
        from = at + 1
        line++
      }
      held.add(bytes.subarray(from), line)
      return pieces
    },
    end: () => piece(held.take(nothing)),
  }
}

const [quote, comma, backslash, newline] = [0x22, 0x2c, 0x5c, 0x0a]
const opens = (byte: number) => byte === 0x5b || byte === 0x7b
const closes = (byte: number) => byte === 0x5d || byte === 0x7d
const blank = (byte: number) => byte === 32 || byte === 13 || byte === 9 || byte === newline

/**
 * One JSON array: its items, found by counting brackets outside of strings. What has a meaning here is ASCII, so that
 * the bytes of UTF-8 need no decoding. The bracket that begins the array must come first.
 *
 * @param within the array is a field of a document: the line that it begins on, and what comes after it is left alone
 */
export const items = (within?: number): Splitter => {
  const held = holder()
  let [line, start, item, depth] = [within ?? 1, within ?? 1, 0, 0]
  let [inString, escaped, started, ended] = [false, false, false, false]

  const cut = (bytes: Buffer): Piece[] => {
    const whole = held.take(bytes)
    item++
    started = false
    return [{ bytes: whole, line: start, item }]
  }
  /** Within a string nothing but its end counts. */
  const inside = (byte: number) => {
    if (escaped) escaped = false
    else if (byte === backslash) escaped = true
    else if (byte === quote) inString = false
  }
  const begin = () => {
    if (ended) throw new Rejected(`line ${line}: there is more after the end of the array; delete it`)
    if (!started && depth > 0) [started, start] = [true, line]
  }

  return {
    push(bytes) {
      const pieces: Piece[] = []
      let from = 0
      for (let at = 0; at < bytes.length; at++) {
        if (ended && within !== undefined) break
        const byte = bytes[at] ?? 0
        if (byte === newline) line++
        if (inString) inside(byte)
        else if (byte === comma && depth === 1) {
          pieces.push(...cut(bytes.subarray(from, at)))
          from = at + 1
        } else if (closes(byte) && depth === 1) {
          const last = held.take(bytes.subarray(from, at))
          if (!started) start = line
          if (started || item > 0) pieces.push(...cut(last))
          from = bytes.length
          depth = 0
          ended = true
        } else if (!blank(byte)) {
          begin()
          if (byte === quote) inString = true
          else if (opens(byte) && ++depth === 1) from = at + 1
          else if (closes(byte)) depth--
        }
      }
      if (!ended) held.add(bytes.subarray(from), line)
      return pieces
    },
    end() {
      if (!ended)
        throw new Rejected(
          `line ${line}: the array that ${within === undefined ? 'begins the file' : 'begins here'} has no end; the file is cut short`,
        )
      return []
    },
  }
}
