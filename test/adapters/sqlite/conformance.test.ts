import { describe, test } from 'vitest'
import { openSqliteLog } from '../../../adapters/sqlite/log.ts'
import { logConformance } from '../../conformance/log.ts'
import { brisk, connection, storageOf } from './storage.ts'

/** Several connections of one process: quick. The same suite over real processes is in `processes.test.ts`. */
const connections = async () =>
  storageOf(async (path) => {
    const log = await openSqliteLog(path, brisk)
    return { log, crash: async () => connection(log).close() }
  })

logConformance('the SQLite log', { open: connections, patience: 8_000 }, { describe, test })
