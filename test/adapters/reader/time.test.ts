import { expect, test } from 'vitest'
import { sharedTime } from '../../../adapters/reader/time.ts'

test('calls under way at once share the time, so that all of it is charged once', async () => {
  let now = 0
  const timed = sharedTime(() => now)
  const charged: number[] = []
  const ends: (() => void)[] = []
  const call = () =>
    timed(async (seconds) => {
      await new Promise<void>((resolve) => ends.push(resolve))
      charged.push(seconds())
    })
  const first = call()
  now = 1000 // the first alone
  const second = call()
  now = 3000 // both
  ends[0]!()
  await first
  now = 4000 // the second alone
  ends[1]!()
  await second
  now = 9000 // nobody
  const third = call()
  now = 9500
  ends[2]!()
  await third
  expect(charged).toEqual([2, 2, 0.5])
})

test('a call that fails is charged no longer', async () => {
  let now = 0
  const timed = sharedTime(() => now)
  await expect(timed(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  now = 5000
  const alone = await timed(async (seconds) => {
    now = 6000
    return seconds()
  })
  expect(alone).toBe(1)
})
