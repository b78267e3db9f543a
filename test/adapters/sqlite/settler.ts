/**
 * A process that settles batch after batch as fast as it can, until it is killed. Batch n: its number three times into
 * `left` and twice into `right`, and position n + 1.
 */
import { openSqliteLog } from '../../../adapters/sqlite/log.ts'
import type { Outgoing } from '../../../runtime/log.ts'

const log = await openSqliteLog(process.argv[2] ?? '')
const seat = log.source('writers', 'w')
const filler = Buffer.alloc(20_000)

const record = (topic: string, n: number): Outgoing => ({
  topic,
  partition: n % 2,
  key: Buffer.from(`${n}`),
  value: filler,
  headers: {},
  timestamp: Date.now(),
})

let n = (await seat.open(new AbortController().signal))?.position ?? 0
process.send?.('ready')
for (;;) {
  const records = ['left', 'left', 'left', 'right', 'right'].map((topic) => record(topic, n))
  const { kind } = await seat.settle({ records, settled: { position: n + 1, note: `after ${n}` } })
  if (kind !== 'done') throw new Error(`batch ${n} ended ${kind}`)
  n++
  if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve)) // notices that its parent is gone
}
