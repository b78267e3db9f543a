/** How far a group is, seen from outside: the same way of measuring for whoever works there. */
import { setTimeout as sleep } from 'node:timers/promises'
import { clientFor } from './lines.ts'

export interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly settled: number
  /** Seconds that `cpu` gave. */
  readonly cpu: number
}

/** Samples a group's committed positions until all `records` are settled: the sample at a fifth of them, and the last. */
export const caughtUp = async (
  brokers: readonly string[],
  groupId: string,
  topic: string,
  records: number,
  cpu: () => number,
  onSample: (settled: number) => void = () => {},
) => {
  const admin = clientFor(brokers).admin()
  await admin.connect()
  let from: Sample | undefined
  try {
    for (;;) {
      const settled = await committed(admin, groupId, topic)
      const to = { at: Date.now(), settled, cpu: cpu() }
      onSample(settled)
      if (settled >= records / 5) from ??= to
      if (settled >= records && from) return { from, to }
      await sleep(50)
    }
  } finally {
    await admin.disconnect()
  }
}

const committed = async (admin: ReturnType<ReturnType<typeof clientFor>['admin']>, groupId: string, topic: string) => {
  const [found] = await admin.fetchOffsets({ groupId, topics: [topic] }).catch(() => [])
  return (found?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0)
}
