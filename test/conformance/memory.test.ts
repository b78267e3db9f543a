import { describe, expect, test } from 'vitest'
import { allFaults, noFaults, type Faults } from '../../adapters/memory/faults.ts'
import { memoryLog } from '../../adapters/memory/memory.ts'
import { logConformance, type Storage } from './log.ts'

/** How often each fault struck in all of the runs below. */
const struck: Record<keyof Faults, number> = { ...noFaults }

const storage =
  (faults: Faults) =>
  async (seed: number): Promise<Storage> => {
    const world = memoryLog({ seed, faults })
    return {
      async process() {
        const log = world.open()
        return {
          log,
          crash: async () => world.crash(log),
          freeze: async () => world.sleep(log),
          thaw: async () => world.wake(log),
        }
      },
      trim: async (topic, partition, before) => world.trim(topic, partition, before),
      skip: async (topic, partition, positions) => world.skip(topic, partition, positions),
      complaints: () => world.complaints,
      async drop() {
        world.misbehave({})
        for (const fault of Object.keys(struck) as (keyof Faults)[]) struck[fault] += world.struck[fault]
      },
    }
  }

const seeds = Array.from({ length: Number(process.env['CONFORMANCE_SEEDS'] ?? 20) }, (_, n) => n + 1)
const patience = Number(process.env['CONFORMANCE_PATIENCE'] ?? 15_000)

logConformance('the memory log without faults', { open: storage(noFaults), seeds: [1], patience }, { describe, test })
logConformance('the memory log that misbehaves', { open: storage(allFaults), seeds, patience }, { describe, test })

test('every fault struck, so that the runs above mean something', () => {
  console.info('faults:', JSON.stringify(struck))
  for (const [fault, times] of Object.entries(struck)) expect(times, fault).toBeGreaterThan(0)
})
