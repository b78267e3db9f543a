import { expect, test } from 'vitest'
import { readRejects } from '../../cli/rejects.ts'
import { runState } from '../../cli/runs.ts'
import { processors } from '../../processors/index.ts'
import { metrics } from '../../topics/index.ts'
import { aStream } from './stream.ts'

const passages = [
  { id: 'p1', title: 'Danube', text: 'The Danube flows through Vienna.' },
  { id: 'p2', title: 'Rhine', text: 'The Rhine flows through Cologne, not Vienna.' },
]
const live = { id: 'live', question: 'Which river flows through Vienna?' }
const known = { ...live, id: 'known', answers: ['Danube'] }
const everything = processors.map(({ name }) => name)

test('a live query is rejected by label, with the reason, and its run is complete', async () => {
  const stream = await aStream(passages)
  await stream.run('synthesis', [live, known])
  const state = await stream.state('synthesis', 2)
  expect(state).toMatchObject({ outcomes: { kept: 1 }, rejected: 1, done: 2, complete: true })
  expect(state.stages.label!.counts).toEqual({ labelled: 1, rejected: 1, 'rejected: rejected': 1 })
  expect(await readRejects(stream.world)).toMatchObject([
    { run: 'synthesis', key: 'synthesis/live', stage: 'label', reason: 'query live has no gold answer', attempts: 1 },
  ])
})

test('a live query is answered, and left ungraded', async () => {
  const stream = await aStream(passages)
  await stream.run('answering', [live, known])
  const state = await stream.state('answering', 2)
  expect(state).toMatchObject({ outcomes: { graded: 1, ungraded: 1 }, rejected: 0, done: 2, complete: true })
  const metric = (await stream.values(metrics)).find(({ query_id }) => query_id === 'live')
  expect(metric).toMatchObject({ graded: false, prediction: 'Danube', chosen_id: 'p1', strict_em: null, f1: null })
  expect(metric!.latency_ms).toBeGreaterThanOrEqual(0)
})

test('with all stages at work a live query of a run that only asks is not labelled, and counts once', async () => {
  const stream = await aStream(passages)
  await stream.run('answering', [live], everything)
  expect(await readRejects(stream.world)).toEqual([])
  expect(await stream.state('answering', 1)).toMatchObject({ outcomes: { ungraded: 1 }, rejected: 0, done: 1 })
  const ofTwo = await runState(stream.world, { run: 'answering', topology: 'answering', count: 2 })
  expect(ofTwo.complete).toBe(false)
})
