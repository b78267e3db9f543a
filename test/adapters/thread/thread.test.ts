import { afterEach, expect, test } from 'vitest'
import { beside, openThread, type Thread } from '../../../adapters/thread/thread.ts'

const opened: Thread[] = []
const open = async (data?: string) => {
  const thread = await openThread({ url: beside(import.meta.url, './fixture'), name: 'the copier', data })
  opened.push(thread)
  return thread
}
afterEach(() => Promise.all(opened.splice(0).map((thread) => thread.close())))

test('a call returns what the method returned, and a failure keeps its name', async () => {
  const thread = await open()
  expect(await thread.call('count', [])).toBe(1)
  await expect(thread.call('refuse', [])).rejects.toMatchObject({ name: 'Rejected', message: 'not like this' })
})

test('a thread that cannot start says why', async () => {
  await expect(open('unfit')).rejects.toMatchObject({ name: 'Fatal', message: 'nothing to work with' })
})

test.each(['die', 'leave'])(
  'all calls that a dead thread held (%s) end as unavailable and in flight',
  async (method) => {
    const thread = await open()
    const calls = await Promise.allSettled([thread.call('never', []), thread.call(method, [])])
    for (const call of calls)
      expect(call).toMatchObject({ reason: { name: 'Unavailable', endpoint: 'the copier', inFlight: true } })
  },
)

test('the call after a death finds a new thread', async () => {
  const thread = await open()
  await thread.call('count', [])
  await expect(thread.call('die', [])).rejects.toThrow('the copier ended unexpectedly: out of paper')
  expect(await thread.call('count', [])).toBe(1)
})

test('an aborted call ends at once', async () => {
  const thread = await open()
  const abort = new AbortController()
  const call = thread.call('never', [], abort.signal)
  abort.abort(new Error('enough'))
  await expect(call).rejects.toThrow('enough')
  expect(await thread.call('count', [])).toBe(1)
})

test('a closed thread takes no calls', async () => {
  const thread = await open()
  await thread.close()
  await expect(thread.call('count', [])).rejects.toMatchObject({ name: 'Unavailable' })
})
