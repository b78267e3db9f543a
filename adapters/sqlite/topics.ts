/** Topics of the file: making, describing, forgetting. */
import { randomUUID } from 'node:crypto'
import { Fatal } from '../../runtime/errors.ts'
import type { Bounds, TopicInfo, TopicSpec } from '../../runtime/log.ts'
import type { Database } from './database.ts'

/** One partition of an existing topic. */
export interface Lane extends Bounds {
  readonly id: number
}

export interface Found extends TopicInfo {
  readonly partitions: readonly Lane[]
}

/** Inside a transaction. */
export const find = (db: Database, topic: string): Found | undefined => {
  const made = db.sql('SELECT id, made FROM topics WHERE name = ?').get(topic)
  if (!made) return undefined
  const lanes = db.sql('SELECT id, first, next AS "end" FROM lanes WHERE topic = ? ORDER BY partition')
  return { id: String(made['made']), partitions: lanes.all(made['id'] ?? null) as unknown as Lane[] }
}

/** What I9 asks of everyone who comes back to a topic: it must be the one that they knew. */
export const findAgain = (db: Database, topic: string, made: string): Found => {
  const found = find(db, topic)
  if (!found) throw new Fatal(`topic ${topic} was deleted: make it again, or remove the groups that read it`)
  if (found.id === made) return found
  throw new Fatal(
    `topic ${topic} was deleted and made anew: start again, and each stage that knew the old one says more`,
  )
}

/** Inside a transaction. @throws Fatal when an existing topic differs in what cannot be changed */
export const make = (db: Database, spec: TopicSpec) => {
  const { name, partitions } = spec
  if (name === '' || !Number.isSafeInteger(partitions) || partitions < 1)
    throw new Fatal(`topic "${name}" cannot be made with ${partitions} partitions: give it a name and at least one`)
  const compact = Number(spec.compact)
  const known = db.sql('SELECT partitions, compact FROM topics WHERE name = ?').get(name)
  if (known) return change(db, spec, { partitions: Number(known['partitions']), compact: Number(known['compact']) })
  const { lastInsertRowid } = db
    .sql('INSERT INTO topics (name, made, partitions, compact, retention, max_bytes) VALUES (?, ?, ?, ?, ?, ?)')
    .run(name, randomUUID(), partitions, compact, kept(spec), spec.maxBytes)
  for (let partition = 0; partition < partitions; partition++)
    db.sql('INSERT INTO lanes (topic, partition) VALUES (?, ?)').run(lastInsertRowid, partition)
}

const change = (db: Database, spec: TopicSpec, known: { partitions: number; compact: number }) => {
  const { name, partitions, maxBytes } = spec
  if (known.partitions !== partitions)
    throw new Fatal(
      `topic ${name} has ${known.partitions} partitions and the configuration asks for ${partitions}: set partitions to ${known.partitions}, or use another stream name`,
    )
  if (known.compact !== Number(spec.compact))
    throw new Fatal(
      `topic ${name} is ${known.compact ? '' : 'not '}compacted and that cannot be changed: remove it first`,
    )
  db.sql('UPDATE topics SET retention = ?, max_bytes = ? WHERE name = ?').run(kept(spec), maxBytes, name)
}

const kept = ({ retention }: TopicSpec) => (retention === 'forever' || retention === Infinity ? null : retention)

/** Inside a transaction: the names are free at once; the records are swept away later, bit by bit (`prune.ts`). */
export const forget = (db: Database, topics: readonly string[], groups: readonly string[]) => {
  for (const name of topics) {
    db.sql('UPDATE lanes SET topic = NULL WHERE topic = (SELECT id FROM topics WHERE name = ?)').run(name)
    db.sql('DELETE FROM topics WHERE name = ?').run(name)
    db.sql('DELETE FROM members WHERE topic = ?').run(name)
  }
  for (const group of groups) {
    db.sql('DELETE FROM seats WHERE grp = ?').run(group)
    db.sql('DELETE FROM members WHERE grp = ?').run(group)
  }
}
