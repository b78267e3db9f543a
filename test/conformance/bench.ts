import assert from 'node:assert/strict'
import type { Codec } from '../../runtime/codec.ts'
import { Rejected } from '../../runtime/errors.ts'
import type { Log, Membership, Stored } from '../../runtime/log.ts'
import { unobserved, type Observe } from '../../runtime/observe.ts'
import { bulk, type Policy } from '../../runtime/policy.ts'
import { processor } from '../../runtime/processor.ts'
import { stage, type Stage } from '../../runtime/stage.ts'
import { table } from '../../runtime/table.ts'
import { names, topic } from '../../runtime/topic.ts'
import { merged, type Totals } from '../../runtime/totals.ts'
import type { Process, Trial } from './subject.ts'
import { eventually, idOf, out, readAll, sleep, spec, writer } from './tools.ts'
import { wrapped, type Between } from './wrapped.ts'

/** What the lanes of this suite copy. */
export interface Item {
  readonly id: string
  readonly size?: number
}

/** JSON: the suite needs no schema language. */
export const codec: Codec = {
  prepare: async () => {},
  encode: (_topic, value) => Buffer.from(JSON.stringify(value)),
  decode: async (_topic, bytes) => {
    try {
      return JSON.parse(bytes.toString()) as never
    } catch (cause) {
      throw new Rejected('these bytes are no JSON', { cause })
    }
  },
}

export const inputs = topic<Item>({ name: 'inputs', key: ({ id }) => `run/${id}`, retention: 'forever' })
export const copies = topic<Item>({
  name: 'copies',
  key: ({ id }) => `run/${id}`,
  retention: 'forever',
  maxBytes: 50_000,
})
export const rejects = topic<never>({ name: 'rejects', key: () => '', retention: 'forever', maxBytes: 1_000_000 })
export const totals = topic<Totals>({
  name: 'totals',
  key: ({ stream, run, stage, partition }) => `${stream}/${run}/${stage}/${partition}`,
  retention: 'forever',
  compact: true,
  keyedByRun: false,
})
export const named = names('conformance', 's')
export const copiesName = named.topic(copies)
export const inputsName = named.topic(inputs)
export const group = named.group('copy')

export const quick: Policy = bulk({
  inFlight: 8,
  timeout: 20_000,
  retry: { attempts: 3, from: 1, to: 4 },
  commitEvery: 5,
  batch: { records: 20, bytes: 1_000_000 },
})

export interface WorkerOptions extends Between {
  readonly policy?: Partial<Policy>
  /** What happens to one record; may wait, and may throw. */
  readonly step?: (item: Item, signal: AbortSignal) => Promise<void> | void
  readonly observe?: Observe
}

/** A process with one member of the group that copies. */
export interface Worker {
  readonly process: Process
  readonly stage: Stage
  /** Records in the order in which their steps began. */
  readonly worked: readonly string[]
  readonly failures: readonly Error[]
  crash(): Promise<void>
  stop(): Promise<void>
  /** Its membership ends, and its lanes are not told where `deaf` says so. */
  expel(): Promise<void>
}

/** Shared by the cases of one trial: topics, inputs, workers, and the recount at the end. */
export const bench = async (trial: Trial, partitions = 1) => {
  const log = await trial.log()
  await log.apply([
    spec(inputsName, partitions),
    spec(copiesName, partitions, { maxBytes: copies.maxBytes }),
    spec(named.topic(rejects), partitions),
    spec(named.topic(totals), partitions, { compact: true }),
  ])
  const source = await writer(log, 'inputs')
  const expected: string[] = []
  const workers: Worker[] = []
  const expelled = new Set<Worker>() // may find out and give up

  const work = async ({ policy, step, observe = unobserved, ...between }: WorkerOptions = {}): Promise<Worker> => {
    const process = await trial.process()
    let membership: Membership | undefined
    const own = wrapped(process.log, { ...between, onJoined: (joined) => (membership = joined) })
    const [worked, failures]: [string[], Error[]] = [[], []]
    const copy = processor<Item, unknown>({
      name: 'copy',
      from: inputs,
      to: [copies],
      policy: { ...quick, ...policy },
      async step(item, _ports, signal) {
        worked.push(item.id)
        await step?.(item, signal)
        return [copies.message({ id: item.id })]
      },
    })
    const now = Date.now
    const books = { codec, names: named, topic: totals, table: table(process.log, named.topic(totals)), now }
    const member = await stage({
      ...{ log: own, books, codec, names: named, processor: copy, policy: copy.policy, rejects, observe, now },
      ...{ ports: {}, endpoints: [], canary: undefined, random: undefined },
      onFatal: (error) => void failures.push(error),
    })
    let dead = false
    const worker: Worker = {
      ...{ process, stage: member, worked, failures },
      async crash() {
        dead = true
        await process.crash()
      },
      async stop() {
        if (!dead) await member.stop()
      },
      async expel() {
        expelled.add(worker)
        await membership?.leave()
      },
    }
    workers.push(worker)
    return worker
  }

  /** Ids that readers see among the copies now, each as often as it is there. */
  const copied = async () => (await readAll(log, copiesName)).map(({ value }) => itemOf(value).id)

  return {
    log,
    work,
    copied,
    workers,
    expected,
    /** Appends these ids, spread over the partitions. */
    async fill(ids: readonly string[], make: (id: string) => Partial<ReturnType<typeof out>> = () => ({})) {
      const record = (id: string, at: number) => {
        const value = Buffer.from(JSON.stringify({ id }))
        return {
          ...out(inputsName, `run/${id}`, at % partitions, value),
          headers: {},
          timestamp: Date.now(),
          ...make(id),
        }
      }
      await source.write(ids.map(record))
      expected.push(...ids)
    },
    /** Until a reader sees these copies. */
    sees: (ids: readonly string[]) =>
      eventually(`seeing the copies of ${ids.join(' ')}`, trial.patience, async () => {
        const there = new Set(await copied())
        return ids.every((id) => there.has(id)) || undefined
      }),
    /** Until everything that is in the input now is settled by some member. */
    settled: () =>
      eventually('settling everything', trial.patience, async () => {
        const failure = workers.flatMap((each) => (expelled.has(each) ? [] : each.failures))[0]
        if (failure) throw failure
        return (await caughtUp(log)) || undefined
      }),
    /** I1, I2, I3: every record left one copy or one reject, and the totals say the same. */
    async recount(rejected: readonly string[] = []) {
      const dead = await readAll(log, named.topic(rejects))
      assertOnce(
        await copied(),
        expected.filter((id) => !rejected.includes(id)),
        'copies',
      )
      assertOnce(
        dead.map((record) => idOf(record).slice('run/'.length)),
        rejected,
        'rejects',
      )
      const counts = await countsOf(log)
      assert.equal(counts['done'] ?? 0, expected.length - rejected.length, 'totals of done')
      assert.equal(counts['rejected'] ?? 0, rejected.length, 'totals of rejected')
      return dead
    },
    async stop() {
      await Promise.all(workers.map((each) => each.stop()))
    },
  }
}
export type Bench = Awaited<ReturnType<typeof bench>>

export const itemOf = (value: Buffer | null) => JSON.parse(value?.toString() ?? '{}') as Item

const caughtUp = async (log: Log) => {
  const [info, settled] = [await log.describe(inputsName), await log.settled(group, inputsName)]
  return info?.partitions.every(({ first, end }, p) => first === end || end <= (settled[p]?.position ?? 0)) ?? false
}

const assertOnce = (found: readonly string[], wanted: readonly string[], what: string) => {
  const times = new Map<string, number>()
  for (const id of found) times.set(id, (times.get(id) ?? 0) + 1)
  const lost = wanted.filter((id) => !times.has(id))
  const doubled = [...times].filter(([, n]) => n > 1).map(([id]) => id)
  const strange = [...times.keys()].filter((id) => !wanted.includes(id))
  const none = { lost: [], doubled: [], strange: [] }
  assert.deepEqual({ lost, doubled, strange }, none, `${what}: ${lost.length} lost, ${doubled.length} doubled`)
}

/** Totals of all partitions as a viewer adds them up. */
export const countsOf = async (log: Log): Promise<Record<string, number>> => {
  const newest = new Map<string, Stored>()
  for (const record of await readAll(log, named.topic(totals))) newest.set(idOf(record), record)
  const parts = [...newest.values()].map(({ value }) => JSON.parse(value?.toString() ?? '{}') as Totals)
  return merged(parts).counts
}

/** Steps wait at a gate of their own until it is opened; the waiting ends when the lane lets go of the record. */
export const gates = () => {
  const open = new Set<string>()
  let all = false
  return {
    open(...ids: readonly string[]) {
      for (const id of ids) open.add(id)
    },
    openAll: () => (all = true),
    pass: async ({ id }: Item, signal: AbortSignal) => {
      while (!all && !open.has(id)) {
        if (signal.aborted) throw signal.reason as Error
        await sleep(2)
      }
    },
  }
}

export const ids = (count: number, prefix = 'i') => Array.from({ length: count }, (_, n) => `${prefix}${n}`)
