import { expect, onTestFinished, test } from 'vitest'
import { startOver } from '../../cli/demo.ts'
import { streamEntry } from '../../cli/streams.ts'
import { openTestStream } from './stream.ts'

/** A stream of somebody's, under a prefix that a demo is told to use as well. */
const shared = async (demo: string) => {
  const stream = await openTestStream()
  onTestFinished(() => stream.close())
  const { world } = stream
  const other = world.as({ ...world.config, engine: 'kafka', stream: demo })
  return { world, other, topics: () => world.log.describe(world.names.topic({ name: 'streams', control: true })) }
}

test('a demo that starts over deletes nothing where others have streams under its prefix', async () => {
  const { world, other } = await shared('demo')
  await expect(startOver(other)).rejects.toThrow(/^prefix gainstream holds streams that are not the demo's \(main\)/)
  expect(await streamEntry(world)).toMatchObject({ stream: 'main' })
})

test('a demo that starts over deletes its own streams, and what is kept of them', async () => {
  const { other, topics } = await shared('main')
  expect(await topics()).toBeDefined()
  await startOver(other)
  expect(await topics()).toBeUndefined()
})
