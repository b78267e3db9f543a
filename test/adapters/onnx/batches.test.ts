import fc from 'fast-check'
import { expect, test } from 'vitest'
import { takeBatch } from '../../../adapters/onnx/batches.ts'

const lines = fc.array(fc.nat(500), { minLength: 1, maxLength: 300 })
const waiting = (lengths: readonly number[]) => lengths.map((length, at) => ({ text: 'x'.repeat(length), at }))

test('the oldest text is always in the next batch', () => {
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 40 }), (lengths, size) => {
      expect(takeBatch(waiting(lengths), { texts: size }).map(({ at }) => at)).toContain(0)
    }),
  )
})

test('batches are as full as they can be, and every text is taken exactly once', () => {
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 40 }), (lengths, size) => {
      const line = waiting(lengths)
      const taken: number[] = []
      while (line.length > 0) {
        const expected = Math.min(size, line.length)
        const batch = takeBatch(line, { texts: size })
        expect(batch).toHaveLength(expected)
        taken.push(...batch.map(({ at }) => at))
      }
      expect(taken.toSorted((a, b) => a - b)).toEqual(lengths.map((_, at) => at))
    }),
  )
})

test('texts of a like length go together', () => {
  const line = waiting([50, 400, 52, 410, 48, 390, 51, 405])
  expect(takeBatch(line, { texts: 4 }).map(({ text }) => text.length)).toEqual([48, 50, 51, 52])
  expect(line.map(({ text }) => text.length)).toEqual([400, 410, 390, 405])
})

test('a batch holds no more characters than it may, and the oldest text whatever its length', () => {
  fc.assert(
    fc.property(
      lines,
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 4000 }),
      (lengths, texts, characters) => {
        const line = waiting(lengths)
        while (line.length > 0) {
          const oldest = line[0]!
          const batch = takeBatch(line, { texts, characters })
          expect(batch).toContain(oldest)
          const padded = batch.length * Math.max(...batch.map(({ text }) => text.length))
          if (batch.length > 1) expect(padded).toBeLessThanOrEqual(characters)
        }
      },
    ),
  )
})
