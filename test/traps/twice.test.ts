import { expect, test } from 'vitest'
import { metrics, queries, samples } from '../../topics/index.ts'
import { aStream } from './stream.ts'

const passages = [
  { id: 'p1', title: 'Danube', text: 'The Danube flows through Vienna.' },
  { id: 'p2', title: 'Rhine', text: 'The Rhine flows through Cologne, not Vienna.' },
]
const one = { id: '1', question: 'Which river flows through Vienna?', answers: ['Danube'] }
const two = { ...one, id: '2' }

test('a question under two ids is two queries with two outcomes, in synthesis and in answering', async () => {
  const [bulk, live] = [await aStream(passages), await aStream(passages)]
  await bulk.run('synthesis', [one, two])
  await live.run('answering', [one, two])
  expect(await bulk.state('synthesis', 2)).toMatchObject({ outcomes: { kept: 2 }, done: 2, complete: true })
  expect(await live.state('answering', 2)).toMatchObject({ outcomes: { graded: 2 }, done: 2, complete: true })
  expect((await bulk.values(samples)).map(({ query }) => query.id).sort()).toEqual(['1', '2'])
  expect((await live.values(metrics)).map(({ query_id }) => query_id).sort()).toEqual(['1', '2'])
})

test('the file given once more adds nothing, and the run stays as it was', async () => {
  const stream = await aStream(passages)
  const first = await stream.run('synthesis', [one, two])
  expect(await stream.run('synthesis', [one, two])).toEqual(first)
  expect(first).toMatchObject({ state: 'closed', count: 2 })
  expect(await stream.values(queries)).toHaveLength(2)
  expect(await stream.state('synthesis', 2)).toMatchObject({ outcomes: { kept: 2 }, done: 2, complete: true })
})

test('one id for two questions is refused before anything of the file enters', async () => {
  const stream = await aStream(passages)
  await expect(stream.run('synthesis', [one, { ...two, id: '1' }])).rejects.toThrow(/line 2.*\b1\b/)
  expect(await stream.values(queries)).toEqual([])
})
