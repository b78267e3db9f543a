import { describe, test } from 'vitest'
import { logConformance } from '../../conformance/log.ts'
import { processOn } from './remote.ts'
import { brisk, storageOf } from './storage.ts'

/** Real processes, really stopped and killed; connections of one process are in `test/conformance/sqlite.test.ts`. */
const processes = async () => storageOf((path) => processOn(path, brisk))

logConformance('the SQLite log, a process each', { open: processes, seeds: [1], patience: 10_000 }, { describe, test })
