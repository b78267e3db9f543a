/** Reading without a group: chunk by chunk, whatever the backlog. */
import { Fatal } from '../../runtime/errors.ts'
import type { ReadOptions, Stored } from '../../runtime/log.ts'
import { verify } from './claim.ts'
import type { Database } from './database.ts'
import { scan } from './records.ts'
import { find, findAgain, type Found } from './topics.ts'

const chunk = { records: 500, bytes: 4 * 1024 * 1024 }

export async function* read(db: Database, topic: string, options: ReadOptions = {}): AsyncGenerator<Stored, void> {
  const signal = options.signal ?? new AbortController().signal
  const found = await db.look(() => find(db, topic), signal)
  if (!found) throw new Fatal(`topic ${topic} does not exist in the log ${db.path}`)
  const lanes = found.partitions.map(({ id }) => id)
  const at = found.partitions.map(({ first }, partition) => options.from?.[partition] ?? first)
  const until = endsOf(found, options.until)
  for (;;) {
    const seen = db.wakes.seen(lanes)
    for (const partition of at.keys()) yield* upTo(db, found, { topic, partition, at, until, signal })
    if (signal.aborted || options.until !== 'forever') return
    await db.wakes.after(lanes, seen, [signal])
    if (db.closed) return
  }
}

const endsOf = ({ partitions }: Found, until: ReadOptions['until']) =>
  partitions.map(({ end }, partition) => (until === 'forever' ? Infinity : (until?.[partition] ?? end)))

interface Part {
  topic: string
  partition: number
  /** How far each partition has been read; moved on here. */
  at: number[]
  until: readonly number[]
  signal: AbortSignal
}

/** What is there of one partition now. */
async function* upTo(db: Database, { id }: Found, { topic, partition, at, until, signal }: Part) {
  for (;;) {
    const from = at[partition] ?? 0
    if (signal.aborted || db.closed || from >= (until[partition] ?? 0)) return
    const taken = await db.look(() => {
      const lane = findAgain(db, topic, id).partitions[partition]
      if (!lane) throw new Fatal(`topic ${topic} has no partition ${partition}`)
      verify(topic, partition, lane, from)
      const end = Math.min(lane.end, until[partition] ?? lane.end)
      return scan(db, { topic, partition, lane: lane.id, from, until: end }, chunk)
    }, signal)
    for (const record of taken.records) {
      if (signal.aborted) return
      yield record
    }
    if (taken.next === from) return
    at[partition] = taken.next
  }
}
