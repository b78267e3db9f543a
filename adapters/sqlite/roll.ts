/** The roll of a group on a topic: who is alive, and who holds which partition. All of it inside one transaction. */
import { randomUUID } from 'node:crypto'
import type { Database } from './database.ts'
import { share } from './shares.ts'
import { gone, here, type Whereabouts } from './whereabouts.ts'

export interface Entry {
  group: string
  topic: string
  made: string
  partitions: number
}

/** How a member stands after a call of the roll. */
export interface Standing {
  member: string
  partitions: readonly number[]
  /** Others have something to take or to give. */
  changed: boolean
}

type Row = Whereabouts & { id: string; expires: number }

/** Extends the member's lease (or enters it anew once that has run out), then gives up what is too much and takes what is free. */
export const callRoll = (db: Database, entry: Entry, member: string | undefined): Standing => {
  const { group, topic } = entry
  const expelled = strike(db, entry)
  const known = member !== undefined && extend(db, member)
  const me = known ? member : enter(db, entry)
  const held = holdings(db, entry)
  const { give, take } = share(me, held, entry.partitions)
  const own = 'UPDATE seats SET owner = ? WHERE grp = ? AND topic = ? AND name = ?'
  for (const partition of give) db.sql(own).run(null, group, topic, String(partition))
  for (const partition of take) {
    prepare(db, entry, partition)
    db.sql(own).run(me, group, topic, String(partition))
  }
  const partitions = (held.get(me) ?? []).filter((p) => !give.includes(p)).concat(take)
  return { member: me, partitions, changed: expelled || !known || give.length > 0 }
}

/** Strikes members off whose lease has run out or whose process is gone. Their seats are free with that. */
const strike = (db: Database, { group, topic }: Entry) => {
  const rows = db.sql('SELECT id, expires, host, pid, born FROM members WHERE grp = ? AND topic = ?')
  const late = (rows.all(group, topic) as unknown as Row[]).filter((m) => m.expires <= db.settings.clock() || gone(m))
  for (const { id } of late) leave(db, id)
  return late.length > 0
}

export const leave = (db: Database, member: string) => {
  db.sql('DELETE FROM members WHERE id = ?').run(member)
}

const extend = (db: Database, member: string) =>
  db.sql('UPDATE members SET expires = ? WHERE id = ?').run(expiry(db), member).changes === 1

const expiry = ({ settings }: Database) => settings.clock() + settings.lease

const enter = (db: Database, { group, topic }: Entry) => {
  const id = randomUUID()
  db.sql('INSERT INTO members (id, grp, topic, expires, host, pid, born) VALUES (?, ?, ?, ?, ?, ?, ?)').run(
    id,
    group,
    topic,
    expiry(db),
    here.host,
    here.pid,
    here.born,
  )
  return id
}

const holdings = (db: Database, { group, topic }: Entry) => {
  const members = db.sql('SELECT id FROM members WHERE grp = ? AND topic = ?').all(group, topic)
  const held = new Map<string, number[]>(members.map(({ id }) => [String(id), []]))
  const seats = db.sql('SELECT owner, name FROM seats WHERE grp = ? AND topic = ? AND owner IS NOT NULL')
  for (const { owner, name } of seats.all(group, topic)) held.get(String(owner))?.push(Number(name))
  return held
}

/** A seat belongs to the topic as it is now: what was settled in one of the same name is forgotten, as it went with it. */
const prepare = (db: Database, { group, topic, made }: Entry, partition: number) =>
  db
    .sql(
      `INSERT INTO seats (grp, topic, name, made) VALUES (?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET made = excluded.made, position = NULL, note = '' WHERE made IS NOT excluded.made`,
    )
    .run(group, topic, String(partition), made)

/** Does the member hold the partition, and is its lease running? */
export const holds = (db: Database, { group, topic }: Entry, member: string, partition: number) =>
  db
    .sql(
      `SELECT 1 FROM seats s JOIN members m ON m.id = s.owner
        WHERE s.grp = ? AND s.topic = ? AND s.name = ? AND s.owner = ? AND m.expires > ?`,
    )
    .get(group, topic, String(partition), member, db.settings.clock()) !== undefined

/** Which incarnation of the topic the seat's position is of. */
export const madeOf = (db: Database, { group, topic }: Entry, partition: number) =>
  db.sql('SELECT made FROM seats WHERE grp = ? AND topic = ? AND name = ?').get(group, topic, String(partition))?.[
    'made'
  ]
