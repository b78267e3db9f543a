import { expect, onTestFinished, test } from 'vitest'
import { lagsOf } from '../../cli/lag.ts'
import { manifest } from '../../cli/settings.ts'
import { announced, openTopics, streamEntry } from '../../cli/streams.ts'
import type { World } from '../../cli/world.ts'
import type { Derivation } from '../../schemas/control.ts'
import { queries, streams } from '../../topics/index.ts'
import { openTestStream } from './stream.ts'

const opened = async () => {
  const stream = await openTestStream()
  onTestFinished(() => stream.close())
  await stream.enter('q.jsonl', [{ id: 'a' }, { id: 'b' }, { id: 'c' }, { id: 'd' }], 'mine')
  return stream
}

const of = async (world: World, stage: string) => (await lagsOf(world)).find((each) => each.stage === stage)!

test('a stage is behind by what it has not settled', async () => {
  const stream = await opened()
  expect(await of(stream.world, 'imagine')).toMatchObject({ topic: 'gainstream.main.queries', records: 4, lag: 4 })
  await stream.work()
  expect(await of(stream.world, 'imagine')).toMatchObject({ records: 4, lag: 0 })
})

test('the first stage of a replay is behind by the stretch that it reads, which lies in the other stream', async () => {
  const { world, signal } = await opened()
  const bounds = (await world.log.describe(world.names.topic(queries)))!
  const until = bounds.partitions.map(({ end }) => Math.min(1, end))
  const derivation: Derivation = {
    ...{ stream: 'main', topic: 'queries', topic_id: bounds.id, request: '', runs: ['mine'] },
    ...{ from: [0, 0, 0], until },
  }
  const derived = await openTopics(world.as({ ...world.config, stream: 'again' }))
  const entry = {
    ...{ stream: 'again', ...manifest(derived.config), created_at: 0, partitions: 3 },
    ...{ derived_from: 'main/queries', derivation },
  }
  await announced(
    derived,
    'manifest',
    () => [streams.message(entry)],
    () => streamEntry(derived),
    signal,
  )
  const wanted = until.reduce((a, b) => a + b, 0)
  expect(wanted).toBeLessThan(4)
  expect(await of(derived, 'imagine')).toMatchObject({ topic: 'gainstream.main.queries', records: wanted, lag: wanted })
  expect(await of(derived, 'retrieve')).toMatchObject({ topic: 'gainstream.again.drafts', records: 0, lag: 0 })
})
