import { afterAll, expect, test } from 'vitest'
import { openLlama } from '../../adapters/llama/index.ts'
import { answers, gains, samples } from '../../topics/index.ts'
import { readerFile } from '../adapters/llama/model.ts'
import { aStream } from './stream.ts'

const words = 3000
const river = 'the river Danube flows through Vienna and many boats go up and down on it while people look at them'
const text = Array.from({ length: words }, (_, n) => river.split(' ')[n % river.split(' ').length]).join(' ')
const passages = [
  { id: 'long', title: 'Danube', text },
  { id: 'short', title: 'Rhine', text: 'The Rhine flows through Cologne, not through Vienna.' },
  { id: 'other', title: 'Wien', text: 'The Wien is a small river in Vienna.' },
]
const query = { id: 'q', question: 'Which river flows through Vienna?', answers: ['Danube'] }
const limit = 96

const llama = await openLlama({ modelPath: await readerFile(), threads: 1, sequences: 2, contextSize: 512 })
afterAll(() => llama.close())

const aStreamOf = (set = {}) => {
  const settings = { 'label.passage_tokens': limit, 'imagine.on': false, 'generate.answer_tokens': 8, ...set }
  return aStream(passages, { ...llama, set: settings })
}

test('a passage of 3,000 words is cut by tokens at its end: measured, marked, and whole in the record', async () => {
  const stream = await aStreamOf({ 'distil.filter': 'off' })
  await stream.run('synthesis', [query])
  const [gained] = await stream.values(gains)
  const gainOf = (id: string) => gained!.gains.find(({ passage_id }) => passage_id === id)
  expect(gainOf('long')).toMatchObject({ unscored: null, answer: 'Danube' })
  expect(gainOf('long')!.cut).toBeGreaterThan(words - limit)
  expect(gainOf('long')!.mean_nll).toBeGreaterThan(0)
  expect(gainOf('short')).toMatchObject({ unscored: null, cut: 0 })
  expect(gained!.passages.find(({ id }) => id === 'long')!.text).toBe(text)
  expect((await stream.values(samples))[0]!.passages).toHaveLength(3)
  expect(await stream.state('synthesis', 1)).toMatchObject({ outcomes: { kept: 1 }, rejected: 0, complete: true })
})

test('a passage that fits into no context stays a candidate, unscored and with the reason', async () => {
  const stream = await aStreamOf({ 'label.passage_tokens': 5000, 'distil.filter': 'off' })
  await stream.run('synthesis', [query])
  const [gained] = await stream.values(gains)
  const [unscored] = gained!.gains.filter(({ mean_nll }) => mean_nll === null)
  expect(unscored).toMatchObject({ passage_id: 'long', infogain: null, tokens: null })
  expect(unscored!.unscored).toMatch(/context holds 512/)
  expect((await stream.values(samples))[0]!.passages.map(({ id }) => id).sort()).toEqual(['other', 'short'])
  expect(await stream.state('synthesis', 1)).toMatchObject({ outcomes: { kept: 1 }, rejected: 0, complete: true })
})

test('what is answered from a cut passage says that it was cut', async () => {
  const stream = await aStreamOf({ 'select.keep': 2, 'generate.passages': 2 })
  await stream.run('answering', [query])
  const [answer] = await stream.values(answers)
  expect(answer!.passages).toBe(2)
  expect(answer!.cut).toMatch(/long/)
  expect(await stream.state('answering', 1)).toMatchObject({ outcomes: { graded: 1 }, rejected: 0, complete: true })
})
