import fc from 'fast-check'
import { expect, test } from 'vitest'
import { approximateNormaliser } from '../../../adapters/vllm/approximate.ts'
import { contrastByDefinition } from '../../../method/contrast.ts'

const softmax = (logits: readonly number[]) => {
  const highest = Math.max(...logits)
  const sum = Math.log(logits.reduce((s, z) => s + Math.exp(z - highest), 0)) + highest
  return logits.map((z) => z - sum)
}
const rows = fc.tuple(fc.integer({ min: 20, max: 60 }), fc.nat()).map(([size, seed]) => {
  let state = (seed * 2654435761 + 1) >>> 0
  const next = () => (state = (state * 1664525 + 1013904223) >>> 0) / 2 ** 32
  const row = () => softmax(Array.from({ length: size }, () => 8 * next()))
  return { z: row(), b: row() }
})
const likeliest = (row: readonly number[], count: number) =>
  new Map(row.map((value, token) => [token, value] as const).toSorted((a, b) => b[1] - a[1]).slice(0, count)) // prettier-ignore

test('with every token named, the normaliser is the definition', () => {
  fc.assert(
    fc.property(rows, fc.double({ min: 0, max: 2, noNaN: true }), ({ z, b }, alpha) => {
      const all = approximateNormaliser(likeliest(z, z.length), likeliest(b, b.length), alpha, z.length)
      const figure = (1 + alpha) * z[3]! - alpha * b[3]! - all
      expect(figure).toBeCloseTo(contrastByDefinition(Float64Array.from(z), Float64Array.from(b), alpha, 3), 8)
    }),
  )
})

test('the more tokens are named, the smaller the error on the whole', () => {
  const errors = [4, 16].map((count) => {
    let sum = 0
    fc.assert(
      fc.property(rows, ({ z, b }) => {
        const exact = approximateNormaliser(likeliest(z, z.length), likeliest(b, b.length), 0.5, z.length)
        sum += Math.abs(approximateNormaliser(likeliest(z, count), likeliest(b, count), 0.5, z.length) - exact)
      }),
      { seed: 1, numRuns: 200 },
    )
    return sum
  })
  expect(errors[1]).toBeLessThan(errors[0]! / 2)
})
