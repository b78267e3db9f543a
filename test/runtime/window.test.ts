import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Stored } from '../../runtime/log.ts'
import { readNote, writeNote } from '../../runtime/note.ts'
import { trackedWindow, type Entry } from '../../runtime/window.ts'

const record = (position: number): Stored => ({
  ...{ topic: 't', partition: 0, position, key: null, value: Buffer.alloc(10), headers: {}, timestamp: 0 },
})

/** Positions with gaps, and a random order of taking, starting, finishing, settling and reading anew. */
const gaps = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 60 })
const moves = fc.array(fc.constantFrom('take', 'start', 'finish', 'settle', 'crash', 'unknown' as const), {
  maxLength: 400,
})

test('I3 every record is settled exactly once, whatever the order, the gaps and the crashes', () => {
  fc.assert(
    fc.property(gaps, moves, fc.infiniteStream(fc.nat(1000)), (sizes, steps, draws) => {
      const positions = sizes.reduce<number[]>((all, gap) => [...all, (all.at(-1) ?? 0) + gap], [])
      const end = positions.at(-1)! + 1
      const settled: number[] = []
      let durable = { position: 0, ahead: [] as readonly number[] }
      let window = trackedWindow<string>(durable)
      let inWork: Entry<string>[] = []
      const draw = (n: number) => draws.next().value % n
      const move = (step: string) => {
        if (step === 'take') {
          const from = positions.filter((at) => at >= window.next).slice(0, 1 + draw(5))
          window.take(from.map(record), from.length > 0 ? from.at(-1)! + 1 : end)
        }
        if (step === 'start') {
          const entry = window.start()
          if (entry) inWork.push(entry)
        }
        if (step === 'finish' && inWork.length > 0) {
          const [entry] = inWork.splice(draw(inWork.length), 1)
          window.finish(entry!, 'x', 5)
        }
        if (step === 'settle' || step === 'unknown') {
          const batch = window.batch({ records: 1 + draw(8), bytes: 1e9 })
          const after = window.after(batch)
          const written = step === 'settle' || draw(2) === 0
          if (written) {
            settled.push(...batch.map((entry) => entry.record.position))
            const note = writeNote(after.position, { topicId: 't', ahead: after.ahead })
            durable = { position: after.position, ahead: readNote(after.position, note).ahead }
          }
          if (step === 'settle') window.settle(batch, after.position)
          else window.adopt(durable)
        }
        if (step === 'crash') {
          window = trackedWindow<string>(durable)
          inWork = []
        }
      }
      for (const step of steps) move(step)
      for (let i = 0; i < 10 * positions.length + 20; i++)
        for (const step of ['take', 'start', 'finish', 'settle']) move(step)
      expect(settled.toSorted((a, b) => a - b)).toEqual(positions)
      expect(window.base).toBe(end)
      expect(window.bytes).toBe(0)
    }),
    { numRuns: 300 },
  )
})

test('a settled record releases its bytes while an earlier one is still under way', () => {
  const window = trackedWindow<string>({ position: 0, ahead: [] })
  window.take([record(0), record(1)], 2)
  window.start()
  const second = window.start()!
  window.finish(second, 'x', 1000)
  const held = window.bytes
  window.settle([second], 0)
  expect(window.bytes).toBeLessThan(held - 1000)
  expect(window.base).toBe(0)
  expect(window.after([])).toEqual({ position: 0, ahead: [1] })
})

test('W3 what was taken while a batch was being settled is not taken for settled', () => {
  const window = trackedWindow<string>({ position: 0, ahead: [5] })
  window.take([record(0)], 1)
  window.finish(window.start()!, 'x', 1)
  const batch = window.batch({ records: 9, bytes: 1e9 })
  const { position } = window.after(batch)
  window.take([record(5)], 6)
  window.settle(batch, position)
  expect(window.base).toBe(1)
  expect(window.moved).toBe(true)
  expect(window.after([])).toEqual({ position: 6, ahead: [] })
})

test('records far behind a stuck one are not settled before the note can hold them', () => {
  const window = trackedWindow<string>({ position: 0, ahead: [] })
  window.take([record(0), record(60_000)], 60_001)
  const stuck = window.start()!
  window.finish(window.start()!, 'x', 1)
  expect(window.ready).toBe(false)
  expect(window.batch({ records: 9, bytes: 1e9 })).toEqual([])
  window.finish(stuck, 'x', 1)
  expect(window.batch({ records: 9, bytes: 1e9 })).toEqual([stuck])
  window.settle([stuck], 60_000)
  expect(window.ready).toBe(true)
})

test('a completion after the record was settled by somebody else counts for nothing', () => {
  const window = trackedWindow<string>({ position: 0, ahead: [] })
  window.take([record(0)], 1)
  const entry = window.start()!
  window.adopt({ position: 1, ahead: [] })
  expect(window.finish(entry, 'late', 1)).toBe(false)
  expect(window.finished).toBe(0)
})

test('a batch is limited in bytes and records, and never empty while something is finished', () => {
  const window = trackedWindow<string>({ position: 0, ahead: [] })
  window.take([record(0), record(1), record(2)], 3)
  for (let entry = window.start(); entry; entry = window.start()) window.finish(entry, 'x', 1000)
  expect(window.batch({ records: 10, bytes: 1 })).toHaveLength(1)
  expect(window.batch({ records: 2, bytes: 1e9 })).toHaveLength(2)
  expect(window.batch({ records: 10, bytes: 1e9 })).toHaveLength(3)
})

test('the note of the longest span fits into 4,000 characters', () => {
  const ahead = Array.from({ length: 20_000 }, (_, i) => i + 1)
  const note = writeNote(0, { topicId: 'a'.repeat(36), ahead })
  expect(note.length).toBeLessThan(4000)
  expect(readNote(0, note)).toEqual({ topicId: 'a'.repeat(36), ahead })
})

test('a note that nobody wrote is refused', () => {
  expect(() => readNote(7, 'hello')).toThrow(/^a stage: its position 7 was set by another program/)
})

const keyed = (position: number, key: string): Stored => ({ ...record(position), key: Buffer.from(key) })

test('W5 records with one key are worked on in their order, others pass them', () => {
  const window = trackedWindow<string>({ position: 0, ahead: [] })
  window.take([keyed(0, 'a'), keyed(1, 'a'), keyed(2, 'b'), keyed(3, 'a')], 4)
  const [first, second] = [window.start()!, window.start()!]
  expect([first.record.position, second.record.position]).toEqual([0, 2])
  expect(window.start()).toBeUndefined()
  window.finish(first, 'x', 1)
  expect(window.start()?.record.position).toBe(1)
  expect(window.start()).toBeUndefined()
})

test('W4 what is settled holds no bytes behind a stuck record', () => {
  const window = trackedWindow<string>({ position: 0, ahead: [2] })
  window.take([keyed(0, 'a'), keyed(1, 'b'), keyed(2, 'c')], 3)
  window.start()
  const done = window.start()!
  window.finish(done, 'x', 1)
  window.settle([done], 0)
  expect(done.record).toMatchObject({ position: 1, key: null, value: null })
})
