import { afterEach, beforeEach, expect, test } from 'vitest'
import { runEntry } from '../../cli/runs.ts'
import { metrics } from '../../topics/index.ts'
import { collector, type Collector } from '../adapters/observe/collector.ts'
import { openTestStream, type TestStream } from './stream.ts'

let there: Collector
let stream: TestStream
const started = async (...set: string[]) => {
  stream = await openTestStream(`observe.traces=${there.url}`, ...set)
}
beforeEach(async () => {
  there = await collector()
})
afterEach(() => there.close())

const answering = ['imagine', 'retrieve', 'select', 'generate', 'evaluate']
const named = (name: string) => there.spans.filter((span) => span.name === name)

test('one query through all answering stages is one trace: ingest first, then each stage under the one before', async () => {
  await started()
  await stream.enter('q.jsonl', [{ id: 'q1' }], 'asked', 'answering')
  await stream.work('answering')
  await stream.close()
  const [ingest] = named('ingest')
  const path = [ingest, ...answering.map((name) => named(name)[0])]
  expect(there.spans.filter(({ name }) => [...answering, 'ingest'].includes(name))).toHaveLength(6)
  expect(new Set(path.map((span) => span?.trace)).size).toBe(1)
  expect(path.map((span) => span?.parent)).toEqual([undefined, ...path.slice(0, -1).map((span) => span?.id)])
  expect(named('reader')).toMatchObject([{ trace: ingest?.trace, parent: named('generate')[0]?.id }])
})

test('a span says run, place, waiting and outcome, and of the key only a hash', async () => {
  await started()
  await stream.enter(
    'q.jsonl',
    [
      { id: 'a secret key', question: 'a secret question?' },
      { id: 'none', answers: [] },
    ],
    'asked',
  )
  await stream.work()
  await stream.close()
  expect(named('label').map(({ failed }) => failed)).toEqual(expect.arrayContaining([undefined, 'rejected']))
  const [good] = named('label').filter(({ failed }) => failed === undefined)
  expect(good?.attributes).toMatchObject({
    stream: 'main',
    stage: 'label',
    run: 'asked',
    attempts: 1,
    outcome: 'labelled',
  })
  expect(good?.attributes.key_hash).toMatch(/^[0-9a-f]{16}$/)
  expect(good?.attributes.queue_seconds).toBeGreaterThanOrEqual(0)
  expect(JSON.stringify(there.spans)).not.toContain('secret')
})

test('a commit is a span of its own, linked to the steps that it makes visible', async () => {
  await started()
  await stream.enter('q.jsonl', [{ id: 'q1' }], 'asked', 'answering')
  await stream.work('answering')
  await stream.close()
  const linked = named('commit').flatMap(({ links }) => links)
  for (const stage of answering) expect(linked, stage).toContain(named(stage)[0]?.id)
})

test('what a foreign producer began is continued, to the record that comes out at the end', async () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
  const traceparent = `00-${trace}-00f067aa0ba902b7-01`
  await started('observe.sample=0')
  await stream.enter('q.jsonl', [{ id: 'unseen' }], 'asked', 'answering')
  await stream.produce({ ...stream.asked('asked', { id: 'seen' }), headers: { run: 'asked', traceparent } })
  await stream.work('answering')
  const found: Record<string, string> = {}
  for await (const { key, headers } of stream.world.log.read(stream.world.names.topic(metrics))) {
    found[String(key)] = headers.traceparent ?? ''
  }
  expect(await runEntry(stream.world, 'asked')).toBeDefined()
  await stream.close()
  expect(there.spans.filter(({ name }) => answering.includes(name)).map((span) => span.trace)).toEqual(
    answering.map(() => trace),
  )
  expect(found['asked/seen']).toBe(`00-${trace}-${named('evaluate')[0]?.id}-01`)
  expect(found['asked/unseen']).toMatch(/-00$/)
})
