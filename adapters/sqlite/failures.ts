/** What SQLite's result codes mean to a stream: the batch at fault, the world at fault, or nothing to be done by waiting. */
import { Fatal, Unavailable } from '../../runtime/errors.ts'

// https://www.sqlite.org/rescode.html: the primary code is the lowest byte of an extended one.
export const code = {
  perm: 3,
  busy: 5,
  locked: 6,
  noMemory: 7,
  readOnly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  protocol: 15,
  notDatabase: 26,
}

export const primary = (error: unknown) =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined

/** Another connection holds the lock just now. */
export const busy = (error: unknown) => primary(error) === code.busy || primary(error) === code.locked

/** SQLite refuses the file itself: what is there cannot be opened, is no database, or cannot be written. */
export const unusable = (error: unknown) =>
  [code.perm, code.readOnly, code.cannotOpen, code.notDatabase, code.corrupt].includes(primary(error) ?? -1)

/**
 * `Fatal` or `Unavailable` where the world is at fault; any other error comes back as it is, and then the statement or
 * its values are to blame.
 */
export const translated = (error: unknown, path: string): Error => {
  const made = (kind: typeof Fatal | typeof Unavailable, text: string) => new kind(text, { cause: error })
  switch (primary(error)) {
    case code.busy:
    case code.locked:
      return made(Unavailable, `another process has kept the log ${path} locked for too long`)
    case code.full:
      return made(Unavailable, `the log ${path} cannot grow: the disk or its allowance is full; free some space`)
    case code.io:
    case code.noMemory:
    case code.protocol:
    case code.cannotOpen:
      return made(Unavailable, `the log ${path} cannot be read or written at present: ${message(error)}`)
    case code.perm:
    case code.readOnly:
      return made(Fatal, `the log ${path} is read-only: give this user the right to write the file and its folder`)
    case code.corrupt:
    case code.notDatabase:
      return made(Fatal, `the log ${path} is damaged or no SQLite database (${message(error)}): restore it from a copy`)
    default:
      return error instanceof Error ? error : new Error(String(error))
  }
}

export const message = (error: unknown) => (error instanceof Error ? error.message : String(error))
