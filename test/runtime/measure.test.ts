import { expect, test } from 'vitest'
import { endpoint } from '../../runtime/endpoint.ts'
import { Rejected, Unavailable } from '../../runtime/errors.ts'
import { endOf, measured, watchEndpoint } from '../../runtime/measure.ts'
import { unobserved, type Meter } from '../../runtime/observe.ts'
import { bulk } from '../../runtime/policy.ts'
import { trackedWindow } from '../../runtime/window.ts'
import type { Result } from '../../runtime/handle.ts'
import { never, stored } from './records.ts'

/** A meter that keeps what it is told. */
const keeping = () => {
  const counts = new Map<string, number>()
  const watched = new Map<string, () => unknown>()
  const nameOf = (name: string, labels: object) =>
    [name.replace('gainstream_', ''), ...Object.values<unknown>({ ...labels })].join(' ')
  const meter: Meter = {
    count: (name, value, labels) => {
      const key = nameOf(name, labels)
      counts.set(key, (counts.get(key) ?? 0) + value)
    },
    observe: (name, _value, labels) => {
      const key = nameOf(name, labels)
      counts.set(key, (counts.get(key) ?? 0) + 1)
    },
    watch(name, read, labels) {
      const key = nameOf(name, labels)
      watched.set(key, read)
      return () => void watched.delete(key)
    },
  }
  const read = async (key: string) => watched.get(key)?.()
  return { meter, counts: () => Object.fromEntries(counts), watched, read }
}

const lane = (end = 100) => {
  const kept = keeping()
  const window = trackedWindow<Result>({ position: 10, ahead: [] })
  let opened = true
  const policy = bulk({ inFlight: 4, bytes: 1000, span: 50 })
  const own = measured(
    {
      ...{ observe: { ...unobserved, meter: kept.meter }, stage: 'copy', partition: 1, policy },
      ...{ now: () => 5000, end: async () => end },
    },
    () => (opened ? window : undefined),
  )
  return { ...kept, own, window, close: () => (opened = false) }
}

test('a lane is read while somebody looks: work, bytes, span, age and lag; and says nothing once it has stopped', async () => {
  const { own, window, read, watched } = lane()
  window.take([stored({ position: 12, timestamp: 2000 }), stored({ position: 20, key: Buffer.from('monday/b') })], 21)
  window.start()
  expect(await read('records_in_work copy 1')).toBe(1)
  expect(await read('window_bytes copy 1')).toBe(window.bytes)
  expect(await read('window_span copy 1')).toBe(11)
  expect(await read('window_use_ratio copy 1 records')).toBe(0.25)
  expect(await read('window_use_ratio copy 1 bytes')).toBe(window.bytes / 1000)
  expect(await read('window_use_ratio copy 1 span')).toBe(11 / 50)
  expect(await read('oldest_unfinished_seconds copy 1')).toBe(3)
  expect(await read('lag copy 1')).toBe(90)
  own.stop()
  expect([...watched.keys()]).toEqual([])
})

test('a lane that does not know yet where it is says nothing of itself', async () => {
  const { read, watched, close } = lane()
  close()
  for (const key of watched.keys()) expect(await read(key), key).toBeUndefined()
})

test('lag is at least what the lane itself has seen past the settled prefix', async () => {
  const { window, read } = lane(11)
  window.take([], 30)
  expect(await read('lag copy 1')).toBe(20)
})

test('what is settled counts by what came of it; a reject that was taken back is none', () => {
  const { own, counts } = lane()
  const record = { topic: 't', partition: 1, key: null, value: null, headers: {}, timestamp: 1 }
  const tally = (outcome: string, more: object = {}) => ({ run: 'r', id: 'a', outcome, ...more })
  own.settled([
    { records: [record, record], tallies: [tally('done')] },
    { records: [record], tallies: [tally('rejected', { reason: 'poison' })] },
    {
      records: [record],
      tallies: [tally('rejected', { reason: 'failed', times: -1 }), tally('retried'), tally('done')],
    },
    { records: [], tallies: [] },
  ])
  expect(counts()).toEqual({
    'records_settled_total copy 1': 4,
    'records_out_total copy 1': 3,
    'records_rejected_total copy 1 poison': 1,
  })
})

test('a commit counts by how it ended', async () => {
  const { own, counts } = lane()
  await own.commit([], async () => ({ kind: 'done' }))
  await own.commit([], async () => ({ kind: 'unknown', cause: new Error('?') }))
  expect(counts()).toEqual({
    ...{ 'commit_seconds copy': 2, 'commits_total copy 1 done': 1, 'commits_total copy 1 unknown': 1 },
  })
})

test('the end of a topic is asked for once for all its lanes, and a log that is away says nothing', async () => {
  let [asked, away] = [0, false]
  const partitions = [3, 4].map((end) => ({ first: 0, end }))
  const describe = async () => {
    asked++
    if (away) throw new Unavailable('away')
    return { id: 'x', partitions }
  }
  const end = endOf({ describe }, 't', [], 20)
  expect(await Promise.all([end(0), end(1), end(2)])).toEqual([3, 4, undefined])
  expect(asked).toBe(1)
  await new Promise((resolve) => setTimeout(resolve, 30))
  away = true
  expect(await end(0)).toBeUndefined()
  expect(asked).toBe(2)
})

test('a partition ends for a replay where the replay does, and no later', async () => {
  const partitions = [3, 4, 5].map((end) => ({ first: 0, end }))
  const end = endOf({ describe: async () => ({ id: 'x', partitions }) }, 't', [2, 9])
  expect(await Promise.all([end(0), end(1), end(2)])).toEqual([2, 4, 5])
})

test('an endpoint counts calls and how they fail, and shows its breaker', async () => {
  const { meter, counts, read, watched } = keeping()
  const random = () => 1
  const called = endpoint({
    ...{ name: 'reader', concurrency: { start: 4, max: 4 }, timeout: 20, random, observe: { ...unobserved, meter } },
    breaker: { trips: 2, from: 40, to: 40 },
  })
  const unwatch = watchEndpoint(meter, called)
  const breaker = () => read('endpoint_breaker_state reader')
  const failing = (error: Error) => called.call(() => Promise.reject(error), never).catch(() => {})
  await called.call(async () => 1, never)
  await failing(new Rejected('not this one'))
  await failing(new TypeError('a bug'))
  expect(await breaker()).toBe(0)
  await failing(new Unavailable('down'))
  await called.call(() => new Promise(() => {}), never).catch(() => {})
  expect(await breaker()).toBe(2)
  expect(await read('endpoint_limit reader')).toBe(1)
  await called.ready(never)
  expect(await breaker()).toBe(1)
  await called.call(async () => 1, never)
  expect(await breaker()).toBe(0)
  const given = new AbortController()
  const unwanted = called.call(() => new Promise(() => {}), given.signal).catch(() => {})
  given.abort(new Error('nobody wants it'))
  await unwanted
  const error = (kind: string) => `endpoint_errors_total reader ${kind}`
  expect(counts()).toEqual({
    'endpoint_seconds reader': 7,
    ...Object.fromEntries(['rejected', 'failed', 'unavailable', 'timeout'].map((kind) => [error(kind), 1])),
  })
  unwatch()
  expect([...watched.keys()]).toEqual([])
})
