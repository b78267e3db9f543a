import { expect, test } from 'vitest'
import { candidates, gains, samples } from '../../topics/index.ts'
import { aStream, reader, scorer } from './stream.ts'

const text =
  'The Danube is a river that flows from the Black Forest through Vienna, Bratislava, Budapest and Belgrade to the Black Sea, past ten countries and more than twenty larger cities'
const passages = [
  { id: 'a', title: 'Danube', text },
  { id: 'b', title: 'The Danube', text: `${text}.` },
  { id: 'c', title: 'DANUBE', text: text.toUpperCase() },
  { id: 'near', title: 'River', text: `${text}, where it ends` },
  { id: 'other', title: 'Rhine', text: 'The Rhine flows through Basel, Cologne and Rotterdam, and not through Vienna' },
]
const query = { id: 'q', question: 'Which river flows through Vienna and Budapest?', answers: ['Danube'] }

const synthesized = async (set = {}) => {
  const { port, requests } = scorer()
  const stream = await aStream(passages, { scorer: port, set: { 'distil.filter': 'off', ...set } })
  await stream.run('synthesis', [query])
  const [found] = await stream.values(candidates)
  const [gained] = await stream.values(gains)
  const [sample] = await stream.values(samples)
  return { stream, requests, found: found!, gained: gained!, sample: sample! }
}

test('copies are one candidate that lists the others, a near-copy names its original, and each is scored once', async () => {
  const { stream, requests, found, gained } = await synthesized()
  const copied = found.passages.find(({ same_as }) => same_as.length > 0)!
  expect([copied.id, ...copied.same_as].sort()).toEqual(['a', 'b', 'c'])
  expect(found.passages).toHaveLength(3)
  const near = found.passages.filter(({ twin_of }) => twin_of !== null)
  expect(near.map(({ id, twin_of }) => [id, twin_of].sort())).toEqual([[copied.id, 'near'].sort()])
  expect(requests.map(({ passages }) => passages.map(({ id }) => id))).toEqual([found.passages.map(({ id }) => id)])
  expect(gained.gains.map(({ passage_id }) => passage_id)).toEqual(found.passages.map(({ id }) => id))
  expect(await stream.state('synthesis', 1)).toMatchObject({ outcomes: { kept: 1 }, rejected: 0, complete: true })
})

test('a setting leaves near-copies out of the group, and not out of the gains', async () => {
  const { sample, gained, found } = await synthesized({ 'distil.drop_twins': true })
  const twin = found.passages.find(({ twin_of }) => twin_of !== null)!
  expect(gained.gains.map(({ passage_id }) => passage_id)).toContain(twin.id)
  expect(sample.passages).toHaveLength(2)
  expect(sample.passages.map(({ id }) => id)).not.toContain(twin.id)
})

test('a pseudo-passage that says what a passage without title says is a copy of it', async () => {
  const untitled = passages.map(({ id, text }) => ({ id, title: '', text }))
  const stream = await aStream(untitled, { reader: reader(text) })
  await stream.run('finding', [query])
  const [found] = await stream.values(candidates)
  expect(found!.passages.every(({ source }) => source === 'retrieved')).toBe(true)
  expect(found!.passages.flatMap(({ same_as }) => same_as)).toContain('generated:q')
  expect(await stream.state('finding', 1)).toMatchObject({ outcomes: { retrieved: 1 }, complete: true })
})
