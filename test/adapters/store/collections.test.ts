import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { openCollections } from '../../../adapters/store/index.ts'
import { collectionsContract } from '../../contracts/collections.ts'

const folder = mkdtempSync(join(tmpdir(), 'collections-'))
afterAll(() => rmSync(folder, { recursive: true }))
let places = 0

collectionsContract(
  'a folder of SQLite files',
  (alias) => openCollections({ folder: join(folder, alias) }),
  () => `place_${++places}`,
)
