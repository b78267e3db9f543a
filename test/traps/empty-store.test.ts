import { expect, test } from 'vitest'
import { readRejects } from '../../cli/rejects.ts'
import { contexts, metrics } from '../../topics/index.ts'
import { aStream, reader } from './stream.ts'

const query = { id: 'q', question: 'Which river flows through Vienna?', answers: ['Danube'], gold_passage_ids: ['p1'] }

test('over an empty store a query is answered without any passage, and graded', async () => {
  const stream = await aStream([])
  await stream.run('answering', [query])
  expect(await stream.values(contexts)).toMatchObject([{ kept: [], scored: [] }])
  expect(await stream.values(metrics)).toMatchObject([
    { prediction: 'unknown', strict_em: 0, chosen_id: null, margin: null, oracle_has_answer: false, hit: false },
  ])
  expect(await stream.state('answering', 1)).toMatchObject({ outcomes: { graded: 1 }, rejected: 0, complete: true })
})

test('over an empty store nothing can be compared: the query is rejected by label, with the reason', async () => {
  const stream = await aStream([])
  await stream.run('synthesis', [query])
  expect(await stream.state('synthesis', 1)).toMatchObject({ outcomes: {}, rejected: 1, done: 1, complete: true })
  expect((await readRejects(stream.world))[0]!.reason).toBe('query q: fewer than two scored candidates')
})

test('over an empty store the pseudo-passage alone is chosen, and is no group either', async () => {
  const stream = await aStream([], { reader: reader('The Danube flows through Vienna.') })
  await stream.run('answering', [query])
  await stream.run('synthesis', [query])
  expect(await stream.values(metrics)).toMatchObject([
    { chosen_id: 'generated:q', chosen_source: 'generated', chosen_has_answer: true, hit: false },
  ])
  expect(await stream.state('answering', 1)).toMatchObject({ outcomes: { graded: 1 }, complete: true })
  expect(await stream.state('synthesis', 1)).toMatchObject({ outcomes: {}, rejected: 1, complete: true })
})
