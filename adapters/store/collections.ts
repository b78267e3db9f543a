/** Collections of this machine: a folder with a SQLite file for each, and one that says what they are. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Collection, CollectionManifest, Collections, EmbedderIdentity } from '../../method/ports.ts'
import { Fatal } from '../../runtime/errors.ts'
import { described, sameEncoder } from '../encoders.ts'
import { translated } from './failures.ts'
import { buildIndex, graphFile, openStore } from './store.ts'

export interface CollectionsOptions {
  /** Made where it is absent. Several processes of one machine may use it at once. */
  readonly folder: string
  /** See `StoreOptions`. */
  readonly index?: 'flat' | 'hnsw'
}

interface Row {
  readonly name: string
  readonly manifest: string
  readonly current: number
}

const layout = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS collections (
    name TEXT PRIMARY KEY, manifest TEXT NOT NULL, current INTEGER NOT NULL, made INTEGER NOT NULL
  )`

/** How many passages a file holds; none where nobody has written to it yet. */
const counted = (file: string): number => {
  try {
    const database = new DatabaseSync(file, { readOnly: true, timeout: 10_000 })
    try {
      const row = database.prepare('SELECT count(*) AS n FROM passages WHERE vector IS NOT NULL').get()
      return Number(row?.['n'])
    } finally {
      database.close()
    }
  } catch {
    return 0
  }
}

/** @throws Fatal when the folder cannot be used. */
export const openCollections = ({ folder, index = 'flat' }: CollectionsOptions): Promise<Collections> => {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'collections.sqlite')
  const guarded = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw translated(error, path)
    }
  }
  const database = guarded(() => new DatabaseSync(path, { timeout: 10_000 }))
  guarded(() => database.exec(layout))
  const fileOf = (name: string) => join(folder, `${name}.sqlite`)
  const storeOf = (name: string) => ({ path: fileOf(name), encoder: collection(named(name)).manifest.encoder, index })
  const collection = ({ name, manifest, current }: Row): Collection => ({
    ...{ name, current: current === 1 },
    manifest: JSON.parse(manifest) as CollectionManifest,
  })
  const rows = (where: string, ...values: string[]) =>
    guarded(
      () =>
        database.prepare(`SELECT * FROM collections ${where} ORDER BY made, name`).all(...values) as unknown as Row[],
    )
  const named = (name: string): Row => {
    const [row] = rows('WHERE name = ?', name)
    if (!row) throw new Fatal(`there is no collection ${name} in ${folder}`)
    return row
  }
  const within = <T>(work: () => T): T =>
    guarded(() => {
      database.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        database.exec('COMMIT')
        return result
      } catch (error) {
        database.exec('ROLLBACK')
        throw error
      }
    })
  const change = (name: string, how: Partial<CollectionManifest>) =>
    within(() => {
      const manifest = { ...(JSON.parse(named(name).manifest) as CollectionManifest), ...how }
      database.prepare('UPDATE collections SET manifest = ? WHERE name = ?').run(JSON.stringify(manifest), name)
    })

  const made: Collections = {
    name: folder,
    list: async () => rows('').map(collection),
    find: async (name) => {
      const [row] = name === undefined ? rows('WHERE current = 1') : rows('WHERE name = ?', name)
      return row && collection(row)
    },
    count: async (name) => counted(fileOf(name)),
    create: async (name, manifest) => {
      const encoder = within((): EmbedderIdentity => {
        database
          .prepare('INSERT INTO collections VALUES (?, ?, 0, ?) ON CONFLICT DO NOTHING')
          .run(name, JSON.stringify(manifest), manifest.made_at)
        return collection(named(name)).manifest.encoder
      })
      if (!sameEncoder(encoder, manifest.encoder))
        throw new Fatal(
          `the collection ${name} holds vectors of ${described(encoder)}, but the encoder in use is ` +
            `${described(manifest.encoder)}; use that encoder or index into another collection`,
        )
    },
    open: async (name) => openStore(storeOf(name)),
    note: async (name, how) => change(name, how),
    seal: async (name, signal, onProgress) => {
      if (index === 'hnsw') await buildIndex(storeOf(name), signal, onProgress)
      change(name, { state: 'ready' })
    },
    promote: async (name) =>
      within(() => {
        if (collection(named(name)).manifest.state !== 'ready')
          throw new Fatal(`the collection ${name} is still being built: it can be made current when that is done`)
        database.prepare('UPDATE collections SET current = (name = ?)').run(name)
      }),
    drop: async (name) => {
      within(() => {
        if (named(name).current === 1)
          throw new Fatal(`the collection ${name} is the current one: make another one current first`)
        database.prepare('DELETE FROM collections WHERE name = ?').run(name)
      })
      const file = fileOf(name)
      for (const path of [file, `${file}-wal`, `${file}-shm`, graphFile(file)]) rmSync(path, { force: true })
    },
    close: async () => database.close(),
  }
  return Promise.resolve(made)
}
