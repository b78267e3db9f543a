import { expect, test } from 'vitest'
import { bind, engine } from '../../runtime/engine.ts'
import { Fatal } from '../../runtime/errors.ts'
import { copyOf, endsOf, isCopy, rootOf, upTo, type Input } from '../../runtime/input.ts'
import { writeNote } from '../../runtime/note.ts'
import { unobserved } from '../../runtime/observe.ts'
import { bulk } from '../../runtime/policy.ts'
import { processor } from '../../runtime/processor.ts'
import { resumed } from '../../runtime/resume.ts'
import { table } from '../../runtime/table.ts'
import { names, type Headers } from '../../runtime/topic.ts'
import { merged } from '../../runtime/totals.ts'
import { codec, inputs, logOf, named, never, outputs, readAll, rejects, stored, totals, type Thing } from './records.ts'

const derived = names('p', 'derived')

/** A log with one partition of inputs of another stream, and a stage of a derived one that copies a stretch of it. */
const replaying = async (records: readonly (readonly [string, Headers?])[]) => {
  const log = await logOf([inputs], 1)
  const seat = log.source('g', 'writer')
  await seat.open(never)
  const made = records.map(([id, headers = {}]) => ({
    ...{ topic: named.topic(inputs), partition: 0, headers: { settings: 'old', ...headers }, timestamp: 1 },
    ...{ key: Buffer.from(`monday/${id}`), value: Buffer.from(JSON.stringify({ id })) },
  }))
  await seat.settle({ records: made, settled: { position: 1, note: '' } })
  const there = await readAll(log, inputs)
  const positionOf = (at: number) => there[at]?.position ?? Infinity
  const copy = processor<Thing, object>({
    ...{ name: 'copy', from: inputs, to: [outputs], policy: bulk({ commitEvery: 5 }) },
    step: async (value) => [outputs.message(value)],
  })
  const run = async (stretch: Pick<Input, 'from' | 'until'>) => {
    const input: Input = { topic: named.topic(inputs), origin: 's/inputs', headers: { settings: 'new' }, ...stretch }
    const running = await engine({
      ...{ log, codec, names: derived, stages: [{ ...bind(copy, {}), input }], partitions: 1, rejects, totals },
      ...{ table: table(log, derived.topic(totals)), observe: unobserved, now: Date.now },
    })
    await running.untilEmpty(never)
    await running.stop()
  }
  const copies = async () => {
    const found = []
    for await (const record of log.read(derived.topic(outputs))) found.push(record)
    return found
  }
  const counts = async () => {
    const newest = new Map<string, Buffer | null>()
    for await (const { key, value } of log.read(derived.topic(totals))) newest.set(String(key), value)
    return merged([...newest.values()].map((value) => JSON.parse(String(value)) as never)).counts
  }
  return { log, run, copies, counts, positionOf }
}

const idsOf = (records: readonly { key: Buffer | null }[]) =>
  records.map(({ key }) => String(key).slice('monday/'.length))

test('a stage reads its stretch of the other topic and nothing at or past its end, and ends there', async () => {
  const { run, copies, log, positionOf } = await replaying(['a', 'b', 'c', 'd', 'e'].map((id) => [id]))
  const stretch = { from: [positionOf(1)], until: [positionOf(3)] }
  await run(stretch)
  expect(idsOf(await copies()).sort()).toEqual(['b', 'c'])
  await run(stretch)
  expect(idsOf(await copies()).sort()).toEqual(['b', 'c'])
  expect((await log.settled('p.derived.copy', 'p.s.inputs'))[0]?.position).toBe(positionOf(3))
  expect((await log.settled('p.s.copy', 'p.s.inputs'))[0]).toBeUndefined()
})

test('a stretch that is empty ends at once', async () => {
  const { run, copies, positionOf } = await replaying([['a']])
  await run({ from: [positionOf(0)], until: [positionOf(0)] })
  expect(await copies()).toEqual([])
})

test('its outputs name their origin and carry the headers of the derived stream', async () => {
  const { run, copies, positionOf } = await replaying([['a', { run: 'monday' }]])
  await run({ from: [0], until: [positionOf(0) + 1] })
  const [{ headers } = { headers: {} }] = await copies()
  expect(headers).toMatchObject({ settings: 'new', run: 'monday', 'replayed.from': `s/inputs/0/${positionOf(0)}` })
})

test('a copy is passed over where its original is read, and read where it is not; nothing is taken back for it', async () => {
  const sent = (root: number): Headers => ({ ...copyOf({ position: root, headers: {} }), 'supersedes.kind': 'failed' })
  const all = await replaying([['a'], ['b'], ['a', sent(0)], ['b', sent(1)]])
  expect([all.positionOf(0), all.positionOf(1)]).toEqual([0, 1])
  await all.run({ from: [1], until: [all.positionOf(3) + 1] })
  expect(idsOf(await all.copies()).sort()).toEqual(['a', 'b'])
  expect(await all.counts()).toEqual({ done: 2 })
})

test('a copy of a copy stands for the first original', () => {
  const first = copyOf({ position: 7, headers: {} })
  const again = copyOf({ position: 20, headers: first })
  expect(again).toEqual(first)
  expect(rootOf({ position: 20, headers: first })).toBe(7)
  expect(rootOf({ position: 7, headers: {} })).toBe(7)
  expect([isCopy({ headers: first }, 7), isCopy({ headers: first }, 8), isCopy({ headers: {} }, 0)]).toEqual([
    true,
    false,
    false,
  ])
})

test('what is taken ends at the end, also where that is a gap', () => {
  const records = [3, 4, 8].map((position) => stored({ position }))
  expect(upTo({ records, next: 9 }, 6)).toEqual({ records: records.slice(0, 2), next: 6 })
  expect(upTo({ records, next: 9 }, 9)).toEqual({ records, next: 9 })
  expect(endsOf({ from: [3, 5], until: [9, 5] })).toEqual([9, 0])
})

const found = (first: number, settled?: number) => ({
  ...{ stream: 's', stage: 'copy', claim: { topic: 't', partition: 0 }, started: false, input: undefined },
  info: { id: 'x', partitions: [{ first, end: 50 }] },
  settled:
    settled === undefined ? undefined : { position: settled, note: writeNote(settled, { topicId: 'x', ahead: [] }) },
})

test('a position that was set by hand stops a lane with a sentence that names its stage and partition', () => {
  const set = { ...found(0), settled: { position: 7, note: '' } }
  expect(() => resumed(set)).toThrow(Fatal)
  expect(() => resumed(set)).toThrow(/^copy on t\[0\]: its position 7 was set by another program/)
})

test('records of the stretch that were deleted stop it with a sentence, unless they were done before', () => {
  const input: Input = { topic: 't', from: [5], until: [20], origin: 's/t', headers: {} }
  expect(resumed({ ...found(0), input })).toEqual({ position: 5, ahead: [] })
  expect(() => resumed({ ...found(8), input })).toThrow(/records from 5 to 8 were deleted before they were settled/)
  expect(() => resumed({ ...found(18, 12), input })).toThrow(/records from 12 to 18 were deleted/)
  expect(resumed({ ...found(30, 20), input })).toEqual({ position: 20, ahead: [] })
  expect(resumed({ ...found(8, 12), input })).toEqual({ position: 12, ahead: [] })
})
