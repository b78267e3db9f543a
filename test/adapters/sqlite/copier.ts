/**
 * A process that copies `input` to `output` as a member of a group, a few records at a time, and tells its parent what
 * became of its claims and settles.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openSqliteLog } from '../../../adapters/sqlite/log.ts'
import type { Claim } from '../../../runtime/log.ts'
import { brisk } from './storage.ts'

const say = (event: string, partition: number) => process.send?.({ event, partition })
const log = await openSqliteLog(process.argv[2] ?? '', brisk)

const copy = async (claim: Claim) => {
  const { partition, lost } = claim
  lost.addEventListener('abort', () => say('lost', partition))
  let from = (await claim.open(lost))?.position ?? 0
  while (!lost.aborted) {
    const { records, next } = await claim.take(from, { records: 5, bytes: 1_000_000 }, lost)
    await sleep(2) // the work
    const copies = records.map(({ position: _, ...record }) => ({ ...record, topic: 'output' }))
    const { kind } = await claim.settle({ records: copies, settled: { position: next, note: '' } })
    say(kind, partition)
    if (kind !== 'done') return
    from = next
  }
}

await log.join({
  group: 'copiers',
  topic: 'input',
  onClaim(claim) {
    say('claim', claim.partition)
    copy(claim).catch((error: unknown) => {
      if (!claim.lost.aborted) throw error
    })
  },
  onFailure(error) {
    throw error
  },
})
process.on('disconnect', () => process.exit())
