import { expect, test } from 'vitest'
import type { Claim, Join, Log } from '../../runtime/log.ts'
import { unobserved } from '../../runtime/observe.ts'
import { bulk } from '../../runtime/policy.ts'
import { processor } from '../../runtime/processor.ts'
import { stage } from '../../runtime/stage.ts'
import { table } from '../../runtime/table.ts'
import { eventually } from '../conformance/tools.ts'
import { codec, inputs, logOf, named, never, outputs, readAll, rejects, totals, type Thing } from './records.ts'

const policy = bulk({ commitEvery: 5 })

/** A stage that copies, over a log that it joins through our hands. */
const staged = async (step: (value: Thing, signal: AbortSignal) => Promise<void> = async () => {}) => {
  const log = await logOf([inputs, outputs, rejects, totals])
  const joined: Join[] = []
  const left: number[] = []
  const watched: Log = {
    ...log,
    async join(request) {
      joined.push(request)
      const membership = await log.join(request)
      return {
        async leave() {
          left.push(running.partitions.length)
          await membership.leave()
        },
      }
    },
  }
  const reads = new Set<() => unknown>()
  const failures: Error[] = []
  const meter = {
    ...unobserved.meter,
    watch: (name: string, read: () => unknown) => {
      if (name === 'gainstream_partitions') reads.add(read)
      return () => void reads.delete(read)
    },
  }
  const copy = processor<Thing, object>({
    ...{ name: 'copy', from: inputs, to: [outputs], policy },
    async step(value, _ports, signal) {
      await step(value, signal)
      return [outputs.message(value)]
    },
  })
  const now = Date.now
  const running = await stage({
    ...{ log: watched, codec, names: named, processor: copy, ports: {}, policy, rejects, now, endpoints: [] },
    books: { codec, names: named, topic: totals, table: table(log, named.topic(totals)), now },
    observe: { ...unobserved, meter },
    onFatal: (error) => void failures.push(error),
  })
  const fill = async (...ids: string[]) => {
    const seat = log.source('g', 'writer')
    const at = (await seat.open(never))?.position ?? 0
    const records = ids.map((id, n) => ({
      ...{ topic: named.topic(inputs), partition: n % 2, headers: {}, timestamp: 1 },
      ...{ key: Buffer.from(`monday/${id}`), value: Buffer.from(JSON.stringify({ id })) },
    }))
    await seat.settle({ records, settled: { position: at + 1, note: '' } })
  }
  const copied = async () => (await readAll(log, outputs)).map(({ key }) => key!.toString()).sort()
  /** How many partitions the meter says are held; nothing once nobody watches. */
  const gauge = () => [...reads].map((read) => read())
  return { log, running, joined, left, gauge, failures, fill, copied }
}

test('joins the group of its processor on the topic that it reads, and works on every partition it is given', async () => {
  const { running, joined, fill, copied, gauge } = await staged()
  expect(running).toMatchObject({ name: 'copy', group: 'p.s.copy', topic: 'p.s.inputs' })
  expect(joined).toMatchObject([{ group: 'p.s.copy', topic: 'p.s.inputs' }])
  await fill('a', 'b')
  await eventually('both copies', 2000, async () => (await copied()).length === 2 || undefined)
  expect(await copied()).toEqual(['monday/a', 'monday/b'])
  expect([...running.partitions].sort()).toEqual([0, 1])
  expect(gauge()).toEqual([2])
  await running.stop()
})

test('stopping settles what is finished before the group is left, and holds nothing after', async () => {
  const begun: string[] = []
  const { running, left, fill, copied, gauge } = await staged(async ({ id }, signal) => {
    begun.push(id)
    if (id === 'stuck')
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  })
  await fill('a', 'stuck')
  await eventually('both begun', 2000, () => begun.length === 2 || undefined)
  await running.stop()
  expect(left).toEqual([0])
  expect(running.partitions).toEqual([])
  expect(gauge()).toEqual([])
  expect(await copied()).toEqual(['monday/a'])
})

test('stopped twice it leaves once', async () => {
  const { running, left } = await staged()
  await Promise.all([running.stop(), running.stop()])
  await running.stop()
  expect(left).toHaveLength(1)
})

test('a partition that was lost is no longer held, and that is no failure', async () => {
  const { log, running, failures } = await staged()
  await eventually('both partitions', 2000, () => running.partitions.length === 2 || undefined)
  const other: Claim[] = []
  const membership = await log.join({
    ...{ group: 'p.s.copy', topic: 'p.s.inputs' },
    onClaim: (claim) => void other.push(claim),
    onFailure: () => {},
  })
  await eventually('giving one up', 2000, () => running.partitions.length === 1 || undefined)
  await eventually('the other to have it', 2000, () => other.length === 1 || undefined)
  expect(running.partitions).not.toContain(other[0]!.partition)
  await membership.leave()
  await eventually('having both again', 2000, () => running.partitions.length === 2 || undefined)
  expect(failures).toEqual([])
  await running.stop()
})

test('a membership that cannot go on is told to the process', async () => {
  const { running, joined, failures } = await staged()
  joined[0]!.onFailure(new Error('no permission'))
  expect(failures.map(({ message }) => message)).toEqual(['no permission'])
  await running.stop()
})
