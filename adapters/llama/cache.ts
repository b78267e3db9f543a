/**
 * Scores that were computed once: (reader, prompts, answer, α) → log-probabilities, in an SQLite file beside the log.
 *
 * Several processes share the file; what was written survives the death of any of them. It keeps the newest scores up
 * to a limit. A cache that cannot be written (disk full, read-only) stops remembering and says so once: labels go on.
 */
import { createHash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import type { AnswerScore } from '../../method/ports.ts'
import { Fatal, sentence } from '../../runtime/errors.ts'
import { unobserved, type Logger } from '../../runtime/observe.ts'

/** What a score depends on. `base` is the prompt without a passage; for its own score it is the prompt too. */
export interface ScoreKey {
  readonly prompt: readonly number[]
  readonly base: readonly number[]
  readonly answer: readonly number[]
  readonly alphas: readonly number[]
}

export interface ScoreCache {
  get(key: ScoreKey): AnswerScore | undefined
  put(entries: readonly (readonly [ScoreKey, AnswerScore])[]): void
  close(): void
}

export const noCache: ScoreCache = { get: () => undefined, put: () => {}, close: () => {} }

const layout = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA busy_timeout = 5000;
  CREATE TABLE IF NOT EXISTS scores (id INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE, value BLOB NOT NULL);
`

const open = (path: string): DatabaseSync => {
  try {
    const database = new DatabaseSync(path)
    database.exec(layout)
    return database
  } catch (error) {
    throw new Fatal(
      `the score cache ${path} cannot be opened (${sentence(error)}): mend its folder or delete the file`,
      {
        cause: error,
      },
    )
  }
}

/** One list of numbers after the other: plain, then one per α. */
const pack = ({ plain, contrast }: AnswerScore): Uint8Array =>
  new Uint8Array(Float64Array.from([...plain, ...contrast.flat()]).buffer)

const unpack = (bytes: Uint8Array, tokens: number): AnswerScore => {
  const values = Array.from(new Float64Array(bytes.slice().buffer))
  const lists = Array.from({ length: values.length / tokens }, (_, i) => values.slice(i * tokens, (i + 1) * tokens))
  const [plain = [], ...contrast] = lists
  return { plain, contrast }
}

/** @param keep how many scores the file holds at most; a score takes about 200 bytes. */
export const openScoreCache = (
  path: string,
  reader: string,
  { keep = 1_000_000, logger = unobserved.logger }: { keep?: number; logger?: Logger } = {},
): ScoreCache => {
  const database = open(path)
  const select = database.prepare('SELECT value FROM scores WHERE key = ?')
  const insert = database.prepare('INSERT OR IGNORE INTO scores (key, value) VALUES (?, ?)')
  const forget = database.prepare('DELETE FROM scores WHERE id <= (SELECT max(id) FROM scores) - ?')
  let writable = true

  const keyOf = ({ prompt, base, answer, alphas }: ScoreKey): Uint8Array =>
    createHash('sha256')
      .update(JSON.stringify([reader, prompt, base, answer, alphas]))
      .digest()

  const write = (entries: readonly (readonly [ScoreKey, AnswerScore])[]): void => {
    database.exec('BEGIN IMMEDIATE')
    try {
      for (const [key, score] of entries) insert.run(keyOf(key), pack(score))
      forget.run(keep)
      database.exec('COMMIT')
    } catch (error) {
      database.exec('ROLLBACK')
      throw error
    }
  }

  return {
    get: (key) => {
      const found = select.get(keyOf(key))?.['value']
      return found instanceof Uint8Array ? unpack(found, key.answer.length) : undefined
    },
    put: (entries) => {
      if (!writable || entries.length === 0) return
      try {
        write(entries)
      } catch (error) {
        writable = false
        logger.warn({ path, error: sentence(error) }, 'the score cache cannot be written: scores are not remembered')
      }
    },
    close: () => database.close(),
  }
}
