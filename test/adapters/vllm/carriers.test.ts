import { describe, expect, test } from 'vitest'
import { bytes, carried, carriersFor, figures } from '../../../adapters/vllm/carriers.ts'
import { Distrusted } from '../../../adapters/vllm/failures.ts'
import { Rejected } from '../../../runtime/errors.ts'
import type { Choice } from '../../../adapters/vllm/server.ts'

const step = (entries: Record<number, number>) =>
  new Map(Object.entries(entries).map(([id, value]) => [Number(id), value]))
const choice = (entries: Record<number, number>): Choice => ({
  tokens: [9],
  text: '',
  finish: 'length',
  steps: [step(entries)],
})
const at = { step: 0, forced: 9, count: 2, server: 'here:1' }

describe('figures on their carriers', () => {
  test('stand on the first tokens, in order, less fifty', () => {
    expect(carriersFor(2)).toEqual([0, 1, 2])
    expect(figures(choice({ 9: 0, 0: -51.5, 1: -50, 2: -9999 }), at)).toEqual([-1.5, 0])
  })

  test('leave out the forced token where it would be a carrier', () => {
    expect(carried(step({ 0: 0, 1: -51, 2: -52 }), 0, 2)).toEqual([-1, -2])
    expect(carried(step({ 0: -51, 1: 0, 2: -52 }), 1, 2)).toEqual([-1, -2])
  })

  test('are missing when nothing was put there', () => {
    expect(figures(choice({ 9: 0, 0: -9999, 1: -9999, 2: -9999 }), at)).toBeUndefined()
    expect(figures({ ...choice({}), steps: [] }, at)).toBeUndefined()
  })

  test('a hair above zero, as float32 rounds, is zero', () => {
    expect(figures(choice({ 0: -49.9999, 1: -60 }), at)).toEqual([0, -10])
  })

  test('a model that gave no number is the record’s own trouble, and is said with what to change', () => {
    expect(() => figures(choice({ 0: -4550, 1: -60 }), at)).toThrow(Rejected)
    expect(() => figures(choice({ 0: -4550, 1: -60 }), at)).toThrow(/bfloat16 or float32/)
  })

  test.each([[-12.3], [-4060], [NaN]])('a figure that cannot be one (%f) is not believed', (value) => {
    expect(() => figures(choice({ 0: value, 1: -60 }), at)).toThrow(Distrusted)
  })
})

test('a description is read byte by byte, up to where it ends', () => {
  const text = Buffer.from('{"a"')
  const entries = Object.fromEntries([...text].map((byte, i) => [i + 1, -50 - byte]))
  expect(bytes(step({ 0: 0, ...entries, 5: -350, 6: -350 }), 6)).toEqual([...text])
  expect(bytes(step({ 1: -9999, 2: -9999 }), 2)).toBeUndefined()
})
