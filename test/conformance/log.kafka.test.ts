import { describe, test } from 'vitest'
import { servers, storage } from '../adapters/kafka/storage.ts'
import { logConformance } from './log.ts'

const seeds = Array.from({ length: Number(process.env['CONFORMANCE_SEEDS'] ?? 3) }, (_, n) => n + 1)
const patience = Number(process.env['CONFORMANCE_PATIENCE'] ?? 30_000)
describe(`the Kafka log on ${servers.join(',')}`, () => {
  logConformance('the Kafka log', { open: storage, seeds, patience }, { describe, test })
})
