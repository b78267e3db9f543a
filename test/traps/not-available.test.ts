import { expect, test } from 'vitest'
import { candidates, drafts, gains } from '../../topics/index.ts'
import { aStream, reader } from './stream.ts'

const passages = [
  { id: 'p1', title: 'Danube', text: 'The Danube flows through Vienna.' },
  { id: 'p2', title: 'Rhine', text: 'The Rhine flows through Cologne, not Vienna.' },
]
const query = { id: 'q', question: 'Which river flows through Vienna?', answers: ['Danube'] }

test.each([
  ['drop', ['p1', 'p2'], 0],
  ['keep', ['p1', 'p2', 'generated:q'], 1],
] as const)('a pseudo-passage that says N/A: %s', async (notAvailable, expected, flagged) => {
  const set = { 'imagine.not_available': notAvailable }
  const stream = await aStream(passages, { reader: reader('N/A.'), set })
  await stream.run('synthesis', [query])
  const [draft] = await stream.values(drafts)
  expect(draft!.pseudo_passage).toMatchObject({ text: 'N/A.', not_available: true })
  const [found] = await stream.values(candidates)
  expect(found!.passages.map(({ id }) => id)).toEqual(expected)
  expect(found!.passages.filter(({ not_available }) => not_available)).toHaveLength(flagged)
  expect((await stream.values(gains))[0]!.gains).toHaveLength(expected.length)
  const state = await stream.state('synthesis', 1)
  expect(state).toMatchObject({ outcomes: { kept: 1 }, rejected: 0, done: 1, complete: true })
  expect(state.stages.imagine!.counts).toEqual({ 'not available': 1 })
  expect(state.stages.retrieve!.sums.candidates).toBe(expected.length)
})
