import { test } from 'vitest'
import { openCross } from '../../../adapters/selectors/cross/index.ts'
import { sentence } from '../../../runtime/errors.ts'
import { selectorContract } from '../../contracts/selector.ts'
import { seeded } from '../../../bench/select/seeded.ts'

const made = await seeded().catch((error: unknown) => {
  if (process.env['CI']) throw error
  return sentence(error)
})

// Numbers of another batch differ in their last digits only: no scale of the 8 bits is shared among pairs.
if (typeof made === 'string') test.skip(`the selector port: a cross-encoder (skipped: ${made})`, () => undefined)
else selectorContract('a cross-encoder in 8 bits', () => openCross(made.int8), { tolerance: 1e-4 })
