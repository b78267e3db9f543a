import { expect, test } from 'vitest'
import { readRejects, retry } from '../../cli/rejects.ts'
import { runState } from '../../cli/runs.ts'
import { sourceOf } from '../../cli/streams.ts'
import { enter } from '../../runtime/source.ts'
import { processors } from '../../processors/index.ts'
import { metrics, queries, rejects, samples } from '../../topics/index.ts'
import { aStream, never, scorer } from './stream.ts'

const passages = [
  { id: 'p1', title: 'Danube', text: 'The Danube flows through Vienna.' },
  { id: 'p2', title: 'Rhine', text: 'The Rhine flows through Cologne, not Vienna.' },
]
const query = { id: 'q', question: 'Which river flows through Vienna?', answers: ['Danube'] }
const everything = processors.map(({ name }) => name)

/** A stream whose scorer refuses everything until it is mended, with one rejected query. */
const rejected = async (topology: 'synthesis') => {
  let broken = true
  const stream = await aStream(passages, { scorer: scorer(() => broken).port })
  await stream.run(topology, [query], everything)
  const [reject] = await readRejects(stream.world)
  return { stream, reject: reject!, mend: () => (broken = false) }
}

test('a reject that is retried with success is taken back: one query, one outcome', async () => {
  const { stream, reject, mend } = await rejected('synthesis')
  expect(await stream.state('synthesis', 1)).toMatchObject({ outcomes: {}, rejected: 1, complete: true })
  mend()
  expect(await retry(stream.world, reject, never)).toBe(true)
  await stream.worked(everything)
  const state = await stream.state('synthesis', 1)
  expect(state).toMatchObject({ outcomes: { kept: 1 }, rejected: 0, done: 1, complete: true })
  expect(state.stages.label!.counts).toMatchObject({ labelled: 1, rejected: 0, 'rejected: rejected': 0, retried: 1 })
})

test('a reject goes back once, however often it is retried', async () => {
  const { stream, reject, mend } = await rejected('synthesis')
  mend()
  expect([await retry(stream.world, reject, never), await retry(stream.world, reject, never)]).toEqual([true, false])
  await stream.worked(everything)
  expect(await stream.state('synthesis', 1)).toMatchObject({ outcomes: { kept: 1 }, rejected: 0, done: 1 })
})

test('a retry that fails again is one reject, and both letters stand in the topic', async () => {
  const { stream, reject } = await rejected('synthesis')
  await retry(stream.world, reject, never)
  await stream.worked(everything)
  expect(await stream.state('synthesis', 1)).toMatchObject({ outcomes: {}, rejected: 1, done: 1, complete: true })
  expect((await readRejects(stream.world)).map(({ resolved }) => resolved)).toEqual([true, false])
  expect(await stream.values(rejects)).toHaveLength(2)
})

test('what goes back to label is answered by nobody, though select reads the same topic', async () => {
  const { stream, reject, mend } = await rejected('synthesis')
  mend()
  await retry(stream.world, reject, never)
  await stream.worked(everything)
  expect(await stream.values(metrics)).toEqual([])
  const { stages } = await runState(stream.world, { run: 'synthesis', topology: 'synthesis', count: 1 })
  expect(stages.select).toBeUndefined()
  expect(await stream.state('synthesis', 1)).toMatchObject({ outcomes: { kept: 1 }, rejected: 0, done: 1 })
})

test('queries that are to be graded never end in training data, whatever stages are at work', async () => {
  const stream = await aStream(passages)
  await stream.run('answering', [query], everything)
  expect(await stream.values(samples)).toEqual([])
  expect(await stream.state('answering', 1)).toMatchObject({ outcomes: { graded: 1 }, complete: true })
})

test('a record of a run that nobody announced is rejected with the command that announces it', async () => {
  const stream = await aStream(passages)
  const asked = { run: 'nobody', asked_at: 0, query: { ...query, dataset: '', lang: 'en', gold_passage_ids: [] } }
  const message = queries.message(asked)
  await enter(sourceOf(stream.world, 'foreign', 'foreign', never), () => [{ message, position: 1 }])
  await stream.worked(['imagine'])
  expect(await readRejects(stream.world)).toMatchObject([
    { run: 'nobody', reason: expect.stringContaining('gainstream runs open nobody') as string },
  ])
})
