import { describe, test } from 'vitest'
import { allFaults, noFaults, type Faults } from '../../adapters/memory/faults.ts'
import { memoryLog } from '../../adapters/memory/memory.ts'
import { logConformance, type Storage } from './log.ts'

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
      expire: async () => world.expire(),
      skip: async (topic, partition, positions) => world.skip(topic, partition, positions),
      complaints: () => world.complaints,
      drop: async () => world.misbehave({}),
    }
  }

const seeds = Array.from({ length: 20 }, (_, n) => n + 1)

logConformance(
  'the memory log without faults',
  { open: storage(noFaults), seeds: [1], patience: 5000 },
  { describe, test },
)
logConformance(
  'the memory log that misbehaves',
  { open: storage(allFaults), seeds, patience: 15_000 },
  { describe, test },
)
