import { describe, test } from 'vitest'
import { openSqliteLog } from '../../adapters/sqlite/log.ts'
import { brisk, connection, storageOf } from '../adapters/sqlite/storage.ts'
import { logConformance } from './log.ts'
import { mortal } from './mortal.ts'

/** Several connections of one process, so that it is quick: who crashes hears nothing more, and its lease runs out. */
const open = async () =>
  storageOf(async (path) => {
    const inner = await openSqliteLog(path, brisk)
    const { log, kill } = mortal(inner)
    return { log, crash: async () => (kill(), connection(inner).close()) }
  })

const patience = Number(process.env['CONFORMANCE_PATIENCE'] ?? 15_000)

logConformance('the SQLite log', { open, seeds: [1, 2, 3], patience }, { describe, test })
