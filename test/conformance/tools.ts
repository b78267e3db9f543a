import assert from 'node:assert/strict'
import { sentence, Unavailable } from '../../runtime/errors.ts'
import type {
  Batch,
  Claim,
  Log,
  Membership,
  Outgoing,
  ReadOptions,
  Seat,
  Settled,
  Stored,
  TopicSpec,
} from '../../runtime/log.ts'

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Until `look` gives something, or the patience ends. */
export const eventually = async <T>(
  what: string,
  patience: number,
  look: () => Promise<T | undefined> | T | undefined,
): Promise<T> => {
  const deadline = Date.now() + patience
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > deadline) assert.fail(`${what} did not happen within ${patience} ms`)
    await sleep(5)
  }
}

/** While the log is away, again. */
export const patiently = async <T>(work: () => Promise<T>): Promise<T> => {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      await sleep(2)
    }
  }
}

export const spec = (name: string, partitions = 1, changes: Partial<TopicSpec> = {}): TopicSpec => ({
  name,
  partitions,
  retention: 'forever',
  compact: false,
  maxBytes: 1_000_000,
  ...changes,
})

export const out = (
  topic: string,
  id: string,
  partition = 0,
  value: Buffer | null = Buffer.from(`value of ${id}`),
): Outgoing => ({
  topic,
  partition,
  key: Buffer.from(id),
  value,
  headers: { id },
  timestamp: 1_700_000_000_000,
})

export const idOf = ({ key }: Pick<Stored, 'key'>) => key?.toString() ?? ''

const never = new AbortController().signal

export const opened = (seat: Seat): Promise<Settled | undefined> => patiently(() => seat.open(never))

/**
 * Settles until it is known that the batch was written once: what a lane does with an outcome that is unknown.
 * `false`: fenced, or this holder may not open the seat any more, so that nothing of it was written by this call.
 */
export const settledOnce = async (seat: Seat, batch: Batch): Promise<boolean> => {
  for (;;) {
    const outcome = await seat.settle(batch)
    if (outcome.kind === 'done') return true
    if (outcome.kind === 'fenced') return false
    if (outcome.kind === 'refused') throw outcome.cause
    let settled: Settled | undefined
    try {
      settled = await opened(seat)
    } catch {
      return false
    }
    if (settled?.note === batch.settled.note && settled.position === batch.settled.position) return true
  }
}

/** A source that counts its batches, and writes each of them exactly once. */
export const writer = async (log: Log, name: string) => {
  const seat = log.source('writers', name)
  let at = (await opened(seat))?.position ?? 0
  return {
    get written() {
      return at
    },
    async write(records: readonly Outgoing[]) {
      const settled = { position: at + 1, note: `batch ${at + 1}` }
      assert.ok(await settledOnce(seat, { records, settled }), `the writer ${name} was fenced`)
      at++
    },
  }
}

/** Everything that a reader sees now. */
export const readAll = async (log: Log, topic: string, options: ReadOptions = {}): Promise<Stored[]> => {
  const records: Stored[] = []
  for await (const record of log.read(topic, options)) records.push(record)
  return records
}

export const idsIn = async (log: Log, topic: string) => (await readAll(log, topic)).map(idOf).sort()

/** A member of a group, and the claims that it was given. */
export const member = async (log: Log, group: string, topic: string) => {
  const claims: Claim[] = []
  const failures: Error[] = []
  const membership: Membership = await log.join({
    group,
    topic,
    onClaim: (claim) => void claims.push(claim),
    onFailure: (error) => void failures.push(error),
  })
  return {
    claims,
    failures,
    /** Claims that it has not lost, as far as it knows. */
    held: () => claims.filter(({ lost }) => !lost.aborted),
    leave: () => membership.leave(),
  }
}
export type Member = Awaited<ReturnType<typeof member>>

/** Opens the newest claim of this partition among the members, and hands it to `use` until that says something. */
export const withClaim = <T>(
  members: readonly Member[],
  partition: number,
  patience: number,
  use: (claim: Claim, settled: Settled | undefined) => Promise<T | undefined>,
): Promise<T> =>
  eventually(`a claim on partition ${partition} that can be used`, patience, async () => {
    for (const claim of members.flatMap((each) => each.held()).reverse()) {
      if (claim.partition !== partition) continue
      try {
        const found = await use(claim, await claim.open(AbortSignal.timeout(200)))
        if (found !== undefined) return found
      } catch (error) {
        if (error instanceof assert.AssertionError || /not there|deleted/.test(sentence(error))) throw error
      }
    }
    return undefined
  })
