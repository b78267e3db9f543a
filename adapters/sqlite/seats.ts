/**
 * Seats: who may settle, and what was. Every `open` raises the seat's epoch, and every `settle` compares it in the
 * transaction that writes, so an earlier holder can write nothing (I4).
 */
import { Fatal, Unavailable } from '../../runtime/errors.ts'
import type { Batch, Outcome, Seat, Settled } from '../../runtime/log.ts'
import type { Database } from './database.ts'
import { append, Refusal } from './records.ts'

export interface Place {
  group: string
  /** '' for a source. */
  topic: string
  name: string
}

export interface Guard {
  /** Inside a transaction: may this holder still write here? */
  holds(): boolean
  /** Inside a transaction, before the epoch is raised. @throws Fatal when this holder may not open it */
  admit(): void
  /** A settle was fenced. */
  onFenced(): void
}

const longestNote = 4_000

export const seat = (db: Database, place: Place, guard: Guard): Seat => {
  /** Undefined while not open, and after being fenced: then nothing matches. */
  let epoch: number | undefined
  const settle = async (batch: Batch): Promise<Outcome> => {
    try {
      check(batch.settled)
      const mine = epoch
      const grown = await db.change(() => {
        if (mine === undefined || epochOf(db, place) !== mine || !guard.holds()) return undefined
        const lanes = append(db, batch.records)
        store(db, place, batch.settled)
        return lanes
      })
      if (grown) {
        db.wakes.notify(grown)
        return { kind: 'done' }
      }
    } catch (error) {
      if (!db.closed) return failed(error)
    }
    epoch = undefined
    guard.onFenced()
    return { kind: 'fenced' }
  }
  return {
    async open(signal) {
      const opened = await db.change(() => {
        guard.admit()
        return raise(db, place)
      }, signal)
      epoch = opened.epoch
      return opened.settled
    },
    settle,
    async close() {
      epoch = undefined
    },
  }
}

const check = ({ position, note }: Settled) => {
  if (!Number.isSafeInteger(position)) throw new Refusal(`a settled position must be a whole number, not ${position}`)
  if (note.length > longestNote) throw new Refusal(`a note of ${note.length} characters is over the ${longestNote}`)
}

/** The world at fault: only `open` can tell. Anything else is in the batch, and was undone. */
const failed = (error: unknown): Outcome => {
  const cause = error instanceof Error ? error : new Error(String(error))
  const world = cause instanceof Unavailable || cause instanceof Fatal
  return { kind: world ? 'unknown' : 'refused', cause }
}

const where = 'WHERE grp = ? AND topic = ? AND name = ?'
const keyOf = ({ group, topic, name }: Place) => [group, topic, name] as const

const epochOf = (db: Database, place: Place) =>
  db.sql(`SELECT epoch FROM seats ${where}`).get(...keyOf(place))?.['epoch']

const store = (db: Database, place: Place, { position, note }: Settled) =>
  db.sql(`UPDATE seats SET position = ?, note = ? ${where}`).run(position, note, ...keyOf(place))

const raise = (db: Database, place: Place) => {
  db.sql('INSERT OR IGNORE INTO seats (grp, topic, name) VALUES (?, ?, ?)').run(...keyOf(place))
  const row = db.sql(`UPDATE seats SET epoch = epoch + 1 ${where} RETURNING epoch, position, note`).get(...keyOf(place))
  if (!row) throw new Fatal(`the seat ${place.name} of group ${place.group} is gone`)
  return { epoch: Number(row['epoch']), settled: settledOf(row) }
}

const settledOf = (row: Record<string, unknown>): Settled | undefined =>
  row['position'] === null ? undefined : { position: Number(row['position']), note: String(row['note']) }

/** Inside a transaction: what a group has settled in this incarnation of a topic, by partition. */
export const settledIn = (db: Database, group: string, topic: string, made: string) => {
  const rows = db.sql('SELECT name, position, note FROM seats WHERE grp = ? AND topic = ? AND made = ?')
  return new Map(rows.all(group, topic, made).map((row) => [Number(row['name']), settledOf(row)]))
}
