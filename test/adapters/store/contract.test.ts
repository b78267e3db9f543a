import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { openStore } from '../../../adapters/store/index.ts'
import { storeContract } from '../../contracts/store.ts'
import { encoder } from './encoder.ts'

const folder = mkdtempSync(join(tmpdir(), 'store-'))
afterAll(() => rmSync(folder, { recursive: true }))

storeContract('one SQLite file, searched in memory', (place, dimension) =>
  openStore({ path: join(folder, place, 'store.sqlite'), encoder: encoder({ dimension }) }),
)
