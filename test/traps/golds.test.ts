import { expect, test } from 'vitest'
import { gains, samples } from '../../topics/index.ts'
import { aStream, scorer } from './stream.ts'

const passages = [
  { id: 'p1', title: 'Danube', text: 'The Danube flows through Vienna.' },
  { id: 'p2', title: 'Rhine', text: 'The Rhine flows through Cologne, not Vienna.' },
]
const question = 'Which river flows through Vienna?'

/** One query through synthesis, with what the scorer was asked. */
const labelled = async (answers: string[], set = {}) => {
  const { port, requests } = scorer()
  const stream = await aStream(passages, { scorer: port, set })
  await stream.run('synthesis', [{ id: 'q', question, answers }])
  const [gained] = await stream.values(gains)
  return { stream, requests, gained: gained! }
}

test('golds that only differ in case and punctuation are scored once', async () => {
  const { stream, requests, gained } = await labelled(['Danube', 'DANUBE', 'the danube.', 'Donau'])
  expect(requests.map(({ answers }) => answers)).toEqual([['Danube', 'Donau']])
  expect(gained).toMatchObject({ golds: ['Danube', 'Donau'], golds_left_out: 0 })
  expect(gained.gains.map(({ answer }) => answer)).toEqual(['Danube', 'Danube'])
  const state = await stream.state('synthesis', 1)
  expect(state).toMatchObject({ outcomes: { kept: 1 }, rejected: 0, done: 1, complete: true })
  expect(state.stages.label!.counts).toEqual({ labelled: 1 })
})

test('of thirty golds eight are scored, in their order, and the record says that 22 were not', async () => {
  const answers = ['Danube', ...Array.from({ length: 29 }, (_, n) => `alias ${n + 1}`)]
  const { stream, requests, gained } = await labelled(answers)
  expect(requests.map(({ answers }) => answers)).toEqual([answers.slice(0, 8)])
  expect(gained).toMatchObject({ golds: answers.slice(0, 8), golds_left_out: 22 })
  expect(gained.query.answers).toEqual(answers)
  expect(await stream.state('synthesis', 1)).toMatchObject({ outcomes: { kept: 1 }, rejected: 0, complete: true })
})

test('a gold past those that are scored still counts when the answer is looked at', async () => {
  const answers = [...Array.from({ length: 29 }, (_, n) => `alias ${n + 1}`), 'Danube']
  const { stream, gained } = await labelled(answers, { 'label.max_golds': 3 })
  expect(gained.golds_left_out).toBe(27)
  expect(await stream.values(samples)).toMatchObject([{ outcome: 'kept', filter_prediction: 'Danube' }])
})
