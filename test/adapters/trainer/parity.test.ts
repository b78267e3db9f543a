import { expect, test } from 'vitest'
import { logitParity, proved, spearman } from '../../../adapters/trainer/parity.ts'
import { trainerArguments } from '../../../adapters/trainer/run.ts'

const group = (logits: number[]) => ({ query: 'q', passages: logits.map(() => ({ title: '', text: '' })), logits })

test('rank correlation is 1 for the same order, −1 for the other way round, and equals share a rank', () => {
  expect(spearman([1, 5, 9], [0.1, 0.2, 7])).toBe(1)
  expect(spearman([1, 5, 9], [3, 2, 1])).toBe(-1)
  expect(spearman([1, 1, 2], [1, 2, 3])).toBeCloseTo(Math.sqrt(3) / 2, 12)
  expect(spearman([1, 2], [4, 4])).toBeNaN()
})

test('the largest difference of a logit and the share of groups with the same first passage are found', () => {
  const found = logitParity([group([1, 2, 3]), group([5, 4])], [[1, 2.5, 3], [3, 4]]) // prettier-ignore
  expect(found).toMatchObject({ pairs: 5, difference: 2, top: 0.5 })
})

test('full precision is held to differences, 8 bits to ranks, and what is no number to neither', () => {
  const near = { pairs: 2, difference: 0.0009, spearman: 0.96, top: 1 }
  expect(proved('fp32', near)).toBe(near)
  expect(proved('int8', near)).toBe(near)
  expect(() => proved('fp32', { ...near, difference: 0.0011 })).toThrow(
    /fp32 form .* \(2 pairs: largest difference 1\.1e-3/,
  )
  expect(() => proved('int8', { ...near, spearman: 0.94 })).toThrow(/leave the 8-bit form out$/)
  expect(() => proved('fp32', logitParity([group([1, 2])], [[1]]))).toThrow(/does not compute/)
  expect(() => proved('int8', logitParity([group([1, 2])], [[1, NaN]]))).toThrow(/does not compute/)
})

test('the trainer is told what was given, and what was not keeps its default', () => {
  const request = {
    ...{ environment: { python: 'python3', env: {} }, material: 'm', work: 'w', base: 'b', anew: true },
    ...{ options: { epochs: 3, prior_frozen: true }, signal: new AbortController().signal, onProgress: undefined },
  }
  const told = trainerArguments(request).join(' ')
  expect(told).toBe(
    '-m selector_trainer --events true --material m --out w --base b --epochs 3 --prior_frozen true --overwrite true',
  )
})
