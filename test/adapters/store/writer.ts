/** Writes passages without end and says on standard output which were acknowledged: node writer.ts FILE FIRST */
import { openStore } from '../../../adapters/store/index.ts'
import { encoder } from './encoder.ts'

const [path = '', first = '0'] = process.argv.slice(2)
const store = await openStore({ path, encoder: encoder() })
const { signal } = new AbortController()
for (let n = Number(first); ; n += 10) {
  const rows = Array.from({ length: 10 }, (_, i) => ({
    passage: { id: `p${n + i}`, title: '', text: `number${n + i}` },
    vector: Float32Array.of(n + i, 1, 0),
  }))
  await store.upsert(rows, signal)
  process.stdout.write(`${n + 10}\n`)
}
