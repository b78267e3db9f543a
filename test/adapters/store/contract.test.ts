import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { openStore } from '../../../adapters/store/index.ts'
import { storeContract } from '../../contracts/store.ts'
import { encoder } from './encoder.ts'

const folder = mkdtempSync(join(tmpdir(), 'store-'))
afterAll(() => rmSync(folder, { recursive: true }))

const pathOf = (engine: string, place: string) => join(folder, engine, place, 'store.sqlite')

storeContract('one SQLite file, searched in memory', (place, dimension) =>
  openStore({ path: pathOf('flat', place), encoder: encoder({ dimension }) }),
)

storeContract('one SQLite file with an index, which small stores do without', (place, dimension) =>
  openStore({ path: pathOf('hnsw', place), encoder: encoder({ dimension }), index: 'hnsw' }),
)

storeContract('one SQLite file with an index, which is asked however small the store', (place, dimension) =>
  openStore({ path: pathOf('graph', place), encoder: encoder({ dimension }), index: 'hnsw', eager: true }),
)
