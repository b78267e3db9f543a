import assert from 'node:assert/strict'
import { lanes } from './lanes.ts'
import { membership } from './port-members.ts'
import { missing } from './port-missing.ts'
import { taking } from './port-take.ts'
import { writing } from './port-write.ts'
import type { Case, Process, Storage, Subject, TestApi, Trial } from './subject.ts'

export type { Process, Storage, Subject, TestApi } from './subject.ts'

const atOnce = 5

/**
 * Holds a log to the invariants I1 to I9 of `runtime/log.ts`, at the port and under the runtime's own lanes.
 *
 *     logConformance('my log', { open: async (seed) => myStorage(seed) }, { describe, test })
 *
 * Every test runs once per seed on a storage of its own; a failure names its seed. Cases that need what the storage
 * cannot do (trim, skip, freeze) are skipped with the reason.
 */
export const logConformance = (name: string, subject: Subject, { describe, test }: TestApi): void => {
  for (const [level, cases] of Object.entries({ port: [...writing, ...taking, ...missing, ...membership], lanes })) {
    describe(`${name}: ${level}`, () => {
      for (const each of cases) {
        test(each.name, async (context) => {
          if (!(await runAll(each, subject))) context.skip(`this log cannot ${each.needs?.join(' and ')}`)
        })
      }
    })
  }
}

/** False where the storage cannot do what the case needs. */
const runAll = async (each: Case, subject: Subject): Promise<boolean> => {
  const waiting = [...(subject.seeds ?? [1, 2, 3])]
  let ran = true
  const worker = async () => {
    for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
      ran = (await runOnce(each, subject, seed)) && ran
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return ran
}

const runOnce = async (each: Case, subject: Subject, seed: number): Promise<boolean> => {
  const storage = await subject.open(seed)
  try {
    const trial = trialOf(storage, seed, subject.patience ?? 15_000)
    if (!(await able(each, trial))) return false
    await each.run(trial)
    assert.deepEqual(storage.complaints?.() ?? [], [])
    return true
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  } finally {
    await storage.drop()
  }
}

const able = async ({ needs = [] }: Case, { storage, process }: Trial) => {
  if (needs.includes('trim') && !storage.trim) return false
  if (needs.includes('skip') && !storage.skip) return false
  return !needs.includes('freeze') || (await process()).freeze !== undefined
}

const trialOf = (storage: Storage, seed: number, patience: number): Trial => {
  let state = seed * 2 + 1
  const process = (): Promise<Process> => storage.process()
  return {
    storage,
    seed,
    patience,
    process,
    log: async () => (await process()).log,
    draw(limit) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return Math.floor((state / 2 ** 32) * limit)
    },
  }
}
