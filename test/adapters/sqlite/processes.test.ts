import { describe, test } from 'vitest'
import { logConformance } from '../../conformance/log.ts'
import { processOn } from './remote.ts'
import { brisk, storageOf } from './storage.ts'

const processes = async () => storageOf((path) => processOn(path, brisk))

logConformance('the SQLite log, a process each', { open: processes, seeds: [1], patience: 10_000 }, { describe, test })
