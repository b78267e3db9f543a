import type { Codec } from './codec.ts'
import type { Outgoing } from './log.ts'
import type { Names, Topic } from './topic.ts'
import type { Tally } from './processor.ts'
import type { Table } from './table.ts'
import { fold, type Totals } from './totals.ts'

/** Where a lane finds and writes its totals. */
export interface Books {
  readonly codec: Codec
  readonly names: Names
  readonly topic: Topic<Totals>
  readonly table: Table
  readonly now: () => number
}

/** A lane's totals: loaded after fencing, folded with each batch, committed when the batch is done (I2). */
export const ledger = ({ codec, names, topic, table, now }: Books, stage: string, partition: number) => {
  let runs = new Map<string, Totals>()
  const suffix = `/${stage}/${partition}`
  const blank = (run: string): Totals => ({
    stream: names.stream,
    run,
    stage,
    partition,
    counts: {},
    sums: {},
    replicates: {},
    updated_at: 0,
    recent: {},
  })
  const record = (totals: Totals): Outgoing => ({
    topic: names.topic(topic),
    partition,
    key: Buffer.from(topic.key(totals)),
    value: codec.encode(topic, totals),
    headers: {},
    timestamp: totals.updated_at,
  })
  return {
    /** Reads what the last owner of this partition left. Call it after the seat was opened, never before. */
    async load(signal: AbortSignal) {
      await table.refresh({ signal, partition })
      const found = new Map<string, Totals>()
      for (const [key, bytes] of table.entries()) {
        if (!key.startsWith(`${names.stream}/`) || !key.endsWith(suffix)) continue
        const totals = await codec.decode(topic, bytes)
        found.set(totals.run, totals)
      }
      runs = found
    },
    /** There are totals: this stage has settled something in this partition before (evidence for I9). */
    get started() {
      return runs.size > 0
    },
    /** The records that bring the totals up to date with these tallies, and what makes them this lane's own. */
    with(tallies: readonly Tally[]): { records: Outgoing[]; keep: () => void } {
      const byRun = Map.groupBy(tallies, ({ run }) => run)
      const folded = [...byRun].map(([run, own]) => fold(runs.get(run) ?? blank(run), own, now()))
      return {
        records: folded.map(record),
        keep: () => {
          for (const totals of folded) runs.set(totals.run, totals)
        },
      }
    },
  }
}
export type Ledger = ReturnType<typeof ledger>
