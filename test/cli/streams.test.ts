import { expect, onTestFinished, test } from 'vitest'
import { runEntry } from '../../cli/runs.ts'
import { announced, streamEntry } from '../../cli/streams.ts'
import { runs, streams } from '../../topics/index.ts'
import { openTestStream } from './stream.ts'

test('what was written and is gone is told instead of waited for', async () => {
  const stream = await openTestStream()
  onTestFinished(() => stream.close())
  const { world, signal } = stream
  const entry = (await streamEntry(world))!
  const gone = announced(
    world,
    'manifest',
    () => [streams.message(entry)],
    async () => undefined,
    signal,
  )
  await expect(gone).rejects.toThrow(
    /^manifest of stream main was written to gainstream.streams and is not there any more/,
  )
})

test('what is announced by several at once is there once, for all of them', async () => {
  const stream = await openTestStream()
  onTestFinished(() => stream.close())
  const { world, signal } = stream
  const common = { stream: 'main', run: 'r', state: 'open', count: null, closed_at: null, topology: 'synthesis' }
  const found = await Promise.all(
    [1, 2, 3].map((opened_at) => {
      const message = runs.message({ ...common, opened_at, source: '', settings: '', collection: '' })
      return announced(
        world,
        'run/r',
        () => [message],
        () => runEntry(world, 'r'),
        signal,
      )
    }),
  )
  expect(new Set(found.map((each) => each.opened_at)).size).toBe(1)
})
