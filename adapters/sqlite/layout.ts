/** The tables of the file. A change here that old code cannot live with raises `layoutVersion`. */
export const layoutVersion = 1

/** "gain" in ASCII: marks the file as ours, so that no other program's database is ever written to. */
export const applicationId = 0x6761696e

/**
 * - `records.id` is lane × 2^40 + position, so that one partition is one range of row ids, in order.
 * - A lane is one partition of one topic; without a topic it was deleted and its records wait to be swept away.
 * - `newest` finds the older record of a key, for compacted topics only.
 * - A seat is a partition of a group (its topic, partition number as name) or a source (topic '', any name). `made`
 *   remembers which incarnation of the topic its position belongs to; `position` is null until something was settled.
 */
export const tables = `
  CREATE TABLE topics (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, made TEXT NOT NULL,
    partitions INTEGER NOT NULL, compact INTEGER NOT NULL, retention INTEGER, max_bytes INTEGER NOT NULL);
  CREATE TABLE lanes (id INTEGER PRIMARY KEY AUTOINCREMENT, topic INTEGER, partition INTEGER NOT NULL,
    first INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, partition));
  CREATE TABLE records (id INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, headers TEXT, key BLOB, value BLOB);
  CREATE TABLE newest (lane INTEGER NOT NULL, key BLOB NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (lane, key)) WITHOUT ROWID;
  CREATE TABLE seats (grp TEXT NOT NULL, topic TEXT NOT NULL, name TEXT NOT NULL, made TEXT NOT NULL DEFAULT '',
    epoch INTEGER NOT NULL DEFAULT 0, owner TEXT, position INTEGER, note TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (grp, topic, name)) WITHOUT ROWID;
  CREATE TABLE members (id TEXT PRIMARY KEY, grp TEXT NOT NULL, topic TEXT NOT NULL, expires INTEGER NOT NULL,
    host TEXT NOT NULL, pid INTEGER NOT NULL, born TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE schemas (id INTEGER PRIMARY KEY AUTOINCREMENT, json TEXT NOT NULL UNIQUE);
  CREATE TABLE subjects (subject TEXT NOT NULL, schema INTEGER NOT NULL, PRIMARY KEY (subject, schema)) WITHOUT ROWID;
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${layoutVersion};
`

/** SQL for the row id of a position: bound numbers arrive as floating point, which would round beyond 2^53. */
export const rowid = '(CAST(? AS INTEGER) * 1099511627776 + CAST(? AS INTEGER))'
/** SQL for the position in a row id. */
export const position = '(id & 1099511627775)'
/** Positions end below this. */
export const lastPosition = 2 ** 40 - 1
