import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { databaseOf, openSqliteLog, type SqliteLog } from '../../adapters/sqlite/log.ts'
import { logConformance, type Storage } from './log.ts'
import { mortal } from './mortal.ts'

const options = { lease: 400, heartbeat: 60, poll: 4 }

const open = async (): Promise<Storage> => {
  const folder = await mkdtemp(join(tmpdir(), 'gainstream-conformance-'))
  const logs = new Set<SqliteLog>()
  return {
    async process() {
      const log = await openSqliteLog(join(folder, 'log.sqlite'), options)
      logs.add(log)
      const { log: handle, kill } = mortal(log)
      // Its connection ends, its lease runs out, and it hears no answer any more.
      return { log: handle, crash: async () => (kill(), logs.delete(log), databaseOf(log)?.close()) }
    },
    expire: async () => {
      for (const log of logs) await log.prune()
    },
    async drop() {
      await Promise.all([...logs].map((log) => log.close()))
      await rm(folder, { recursive: true })
    },
  }
}

logConformance('the SQLite log', { open, seeds: [1, 2, 3] }, { describe, test })
