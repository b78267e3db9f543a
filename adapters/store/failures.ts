/** What SQLite's result codes mean to a passage store (https://www.sqlite.org/rescode.html; the low byte counts). */
import { Fatal, Unavailable } from '../../runtime/errors.ts'

const locked = [5, 6]
const readOnly = [3, 8]
const full = [13]
const passing = [7, 10, 15]
const unusable = [11, 14, 26]

const primary = (error: unknown) =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : -1

export const isLocked = (error: unknown) => locked.includes(primary(error))

/** `Fatal` or `Unavailable` with a sentence about the file; any other error comes back as it is. */
export const translated = (error: unknown, file: string): unknown => {
  const code = primary(error)
  const detail = error instanceof Error ? error.message : ''
  const options = { cause: error }
  const unavailable = (text: string) => new Unavailable(text, { endpoint: file, ...options })
  if (locked.includes(code)) return unavailable(`another process keeps the passage store ${file} locked`)
  if (full.includes(code))
    return unavailable(`the passage store ${file} cannot grow: the disk is full; free some space`)
  if (passing.includes(code)) return unavailable(`the passage store ${file} cannot be used at present: ${detail}`)
  if (readOnly.includes(code))
    return new Fatal(
      `the passage store ${file} is read-only; give this user the right to write the file and its folder`,
      options,
    )
  if (unusable.includes(code))
    return new Fatal(
      `${file} cannot be opened as a passage store (${detail}); name another file or restore it from a copy`,
      options,
    )
  return error
}
