/**
 * Scores that were computed once: (reader, prompts, answer, α) → log-probabilities, in an SQLite file beside the log.
 *
 * Several processes share the file; what was written survives the death of any of them. It keeps the newest scores up
 * to a limit. A cache is a convenience: what cannot be read is computed again, what cannot be written (disk full, file
 * busy, read-only) is not remembered and tried again a while later. It says so once, and labels go on.
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
  /** Which of several readers measured it, where the cache holds scores of more than one. */
  readonly by?: string
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
  PRAGMA busy_timeout = 5000; -- while the file is made; nothing waits for this process yet
  CREATE TABLE IF NOT EXISTS scores (id INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE, value BLOB NOT NULL);
`

/** Everything in this process stands still meanwhile. */
const patience = 'PRAGMA busy_timeout = 50'

const open = (path: string): DatabaseSync => {
  try {
    const database = new DatabaseSync(path)
    database.exec(layout)
    database.exec(patience)
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

/** @throws where the bytes are no such lists: the file was damaged. */
const unpack = (bytes: Uint8Array, tokens: number, alphas: number): AnswerScore => {
  const values = Array.from(new Float64Array(bytes.slice().buffer))
  if (values.length !== tokens * (1 + alphas)) throw new RangeError(`a score of ${values.length} numbers`)
  const list = (i: number) => values.slice(i * tokens, (i + 1) * tokens)
  return { plain: list(0), contrast: Array.from({ length: alphas }, (_, i) => list(i + 1)) }
}

export interface ScoreCacheOptions {
  /** How many scores the file holds at most; a score takes about 200 bytes. */
  readonly keep?: number
  /** How long nothing is written after a write that failed, in milliseconds. */
  readonly retry?: number
  readonly logger?: Logger
}

/** @throws Fatal for a file that is no cache. What happens to it later only costs time. */
export const openScoreCache = (
  path: string,
  reader: string,
  { keep = 1_000_000, retry = 10_000, logger = unobserved.logger }: ScoreCacheOptions = {},
): ScoreCache => {
  const database = open(path)
  const select = database.prepare('SELECT value FROM scores WHERE key = ?')
  const insert = database.prepare('INSERT OR IGNORE INTO scores (key, value) VALUES (?, ?)')
  const forget = database.prepare('DELETE FROM scores WHERE id <= (SELECT max(id) FROM scores) - ?')
  let writableFrom = 0
  const told = new Set<string>()
  const warn = (error: unknown, message: string) => {
    if (!told.has(message)) logger.warn({ path, error: sentence(error) }, message)
    told.add(message)
  }

  const keyOf = ({ prompt, base, answer, alphas, by }: ScoreKey): Uint8Array =>
    createHash('sha256')
      .update(JSON.stringify([reader, prompt, base, answer, alphas, ...(by === undefined ? [] : [by])]))
      .digest()

  const write = (entries: readonly (readonly [ScoreKey, AnswerScore])[]): void => {
    database.exec('BEGIN IMMEDIATE')
    try {
      for (const [key, score] of entries) insert.run(keyOf(key), pack(score))
      forget.run(keep)
      database.exec('COMMIT')
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }

  return {
    get: (key) => {
      try {
        const found = select.get(keyOf(key))?.['value']
        return found instanceof Uint8Array ? unpack(found, key.answer.length, key.alphas.length) : undefined
      } catch (error) {
        return void warn(error, 'the score cache cannot be read: scores are computed again')
      }
    },
    put: (entries) => {
      if (entries.length === 0 || performance.now() < writableFrom) return
      try {
        write(entries)
      } catch (error) {
        writableFrom = performance.now() + retry
        warn(error, 'the score cache cannot be written: some scores are not remembered')
      }
    },
    close: () => database.close(),
  }
}
