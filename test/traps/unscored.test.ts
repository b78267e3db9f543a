import { expect, test } from 'vitest'
import { underConditions } from '../../cli/commands/evaluate.ts'
import { readRejects } from '../../cli/rejects.ts'
import { gains, samples } from '../../topics/index.ts'
import { aStream, never, scorer } from './stream.ts'

const passages = [
  { id: 'p1', title: 'Danube', text: 'The Danube flows through Vienna.' },
  { id: 'p2', title: 'Rhine', text: 'The Rhine flows through Cologne, not Vienna.' },
  { id: 'p3', title: 'Wien', text: 'The Wien is a small river, most of which flows under Vienna.' },
]
const query = { id: 'q', question: 'Which river flows through Vienna?', answers: ['Danube'] }

test('a query whose candidates are all unscored is rejected with the reason, and its run is complete', async () => {
  const stream = await aStream(passages, { scorer: scorer(() => true).port })
  await stream.run('synthesis', [query])
  expect(await stream.state('synthesis', 1)).toMatchObject({ outcomes: {}, rejected: 1, done: 1, complete: true })
  const [reject] = await readRejects(stream.world)
  expect(reject).toMatchObject({
    stage: 'label',
    kind: 'rejected',
    reason: 'query q: fewer than two scored candidates',
  })
  expect(await stream.values(gains)).toEqual([])
})

test('a candidate that cannot be scored stays in the gains with the reason, and is left out of the group', async () => {
  const stream = await aStream(passages, { scorer: scorer((text) => text.includes('Cologne')).port })
  await stream.run('synthesis', [query])
  const [gained] = await stream.values(gains)
  const [without] = gained!.gains.filter(({ unscored }) => unscored !== null)
  expect(gained!.gains).toHaveLength(3)
  expect(without).toMatchObject({ passage_id: 'p2', mean_nll: null, unscored: 'the prompt is too long' })
  const [sample] = await stream.values(samples)
  expect(sample!.passages.map(({ id }) => id).sort()).toEqual(['p1', 'p3'])
  const state = await stream.state('synthesis', 1)
  expect(state).toMatchObject({ outcomes: { kept: 1 }, complete: true })
  expect(state.stages.label!.sums).toMatchObject({ passages: 3, unscored: 1 })
})

test('a query with an unscored candidate is answered with the passage that has the most gain among the others', async () => {
  const stream = await aStream(passages, { scorer: scorer((text) => text.includes('Cologne')).port })
  const entry = await stream.run('synthesis', [query])
  const [answered] = await underConditions(stream.world, entry, ['gain'], never)
  expect(answered!.state).toMatchObject({ outcomes: { graded: 1 }, rejected: 0, done: 1, complete: true })
})
