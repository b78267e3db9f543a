import { describe, expect, test } from 'vitest'
import { tried, type World } from '../../runtime/attempts.ts'
import { endpoint } from '../../runtime/endpoint.ts'
import { Fatal, Rejected, Unavailable } from '../../runtime/errors.ts'

const retry = { attempts: 3, from: 1, to: 2 }
const world: World = { policy: { timeout: 1000, retry }, endpoints: [] }
const never = new AbortController().signal
const lost = () => new Unavailable('connection lost', { endpoint: 'a', inFlight: true })

describe('what happens to a record whose step fails', () => {
  test('Rejected ends at the first attempt', async () => {
    let calls = 0
    const step = async () => {
      calls++
      throw new Rejected('no golds')
    }
    expect(await tried(step, world, never)).toEqual({ failure: { kind: 'rejected', reason: 'no golds', attempts: 1 } })
    expect(calls).toBe(1)
  })

  test('a bug is tried as often as the policy says', async () => {
    let calls = 0
    const step = async () => {
      calls++
      throw new TypeError('undefined is not a function')
    }
    expect(await tried(step, world, never)).toMatchObject({ failure: { kind: 'failed', attempts: 3 } })
    expect(calls).toBe(3)
  })

  test('Unavailable waits as long as it takes and counts nothing', async () => {
    let calls = 0
    const step = async () => {
      if (++calls < 20) throw new Unavailable('no server')
      return 'done'
    }
    expect(await tried(step, world, never)).toEqual({ value: 'done', attempts: 20 })
  })

  test('Fatal stops everything', async () => {
    await expect(tried(async () => Promise.reject(new Fatal('fenced')), world, never)).rejects.toThrow('fenced')
  })

  test('a step that takes too long is Unavailable, and its signal aborts', async () => {
    let aborted = 0
    let calls = 0
    const step = async (signal: AbortSignal) => {
      if (++calls === 2) return 'done'
      signal.addEventListener('abort', () => aborted++)
      return new Promise<string>(() => {})
    }
    const quick = { ...world, policy: { timeout: 20, retry } }
    expect(await tried(step, quick, never)).toEqual({ value: 'done', attempts: 2 })
    expect(aborted).toBe(1)
  })

  test('an abort ends the waiting, and the record is left as it is', async () => {
    const controller = new AbortController()
    const step = async () => {
      controller.abort(new Error('draining'))
      throw new Unavailable('no server')
    }
    await expect(tried(step, world, controller.signal)).rejects.toThrow('draining')
  })
})

describe('the poison rule', () => {
  test('a record that kills whatever it meets is rejected after four losses, the last one alone', async () => {
    const attempts: { alone: boolean; avoid: readonly string[] }[] = []
    let canaries = 0
    const step = async (_: AbortSignal, { alone, avoid }: { alone: boolean; avoid: readonly string[] }) => {
      attempts.push({ alone, avoid })
      throw lost()
    }
    const canary = async () => void canaries++
    const outcome = await tried(step, { ...world, canary }, never)
    expect(outcome).toMatchObject({ failure: { kind: 'poison', attempts: 4 } })
    expect(attempts.map(({ alone }) => alone)).toEqual([false, false, false, true])
    expect(attempts.at(-1)!.avoid).toEqual(['a', 'a', 'a'])
    expect(canaries).toBe(2)
  })

  test('while the harmless request fails it is the world: the record waits and is done in the end', async () => {
    let [losses, failing] = [0, 5]
    const step = async () => {
      if (losses++ < 3) throw lost()
      return 'done'
    }
    const canary = async () => {
      if (failing-- > 0) throw new Unavailable('still down')
    }
    expect(await tried(step, { ...world, canary }, never)).toEqual({ value: 'done', attempts: 4 })
    expect(failing).toBe(-1)
  })

  test('refused connections are no losses of the record', async () => {
    let calls = 0
    const step = async () => {
      if (++calls < 10) throw new Unavailable('refused', { endpoint: 'a' })
      return 'done'
    }
    expect(await tried(step, { ...world, canary: async () => {} }, never)).toMatchObject({ value: 'done' })
  })
})

describe('an endpoint', () => {
  const signal = never
  const options = { name: 'e', concurrency: { start: 4, max: 8 }, timeout: 50, breaker: { trips: 3, from: 40, to: 80 } }
  const fail = () => Promise.reject(new Unavailable('down'))

  test('halves its concurrency on failure and raises it by one after a full round of successes', async () => {
    const e = endpoint(options)
    await e.call(fail, signal).catch(() => {})
    expect(e.limit).toBe(2)
    await e.call(async () => {}, signal)
    await e.call(async () => {}, signal)
    expect(e.limit).toBe(3)
  })

  test('never runs more than its limit at once', async () => {
    const e = endpoint({ ...options, concurrency: { start: 3, max: 3 } })
    let [now, most] = [0, 0]
    const work = async () => {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setTimeout(resolve, 2))
      now--
    }
    await Promise.all(Array.from({ length: 20 }, () => e.call(work, signal)))
    expect(most).toBe(3)
  })

  test('opens after failures in a row, lets one through after a pause, and closes on its success', async () => {
    const e = endpoint(options)
    for (let i = 0; i < 3; i++) await e.call(fail, signal).catch(() => {})
    expect(e.open).toBe(true)
    await e.ready(signal)
    expect(e.open).toBe(false)
    await e.call(fail, signal).catch(() => {})
    expect(e.open).toBe(true)
    await e.ready(signal)
    await e.call(async () => {}, signal)
    await e.call(fail, signal).catch(() => {})
    expect(e.open).toBe(false)
  })

  test('says which endpoint did not answer in time, and that the record was in flight', async () => {
    const e = endpoint(options)
    const error = await e.call(() => new Promise(() => {}), signal).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'Unavailable', endpoint: 'e', inFlight: true })
  })

  test('an exclusive call shares the endpoint with nobody', async () => {
    const e = endpoint(options)
    let [now, most] = [0, 0]
    const slow = async () => {
      now++
      await new Promise((resolve) => setTimeout(resolve, 5))
      now--
    }
    const alone = async () => {
      most = Math.max(most, now)
      await new Promise((resolve) => setTimeout(resolve, 5))
      most = Math.max(most, now)
    }
    await Promise.all([e.call(slow, signal), e.call(alone, signal, { alone: true }), e.call(slow, signal)])
    expect(most).toBe(0)
  })

  test('a suspect gets its turn while others keep calling', async () => {
    const e = endpoint({ ...options, concurrency: { start: 2, max: 2 } })
    let going = true
    const short = () => new Promise<void>((resolve) => setTimeout(resolve, 1))
    const busy = async () => {
      while (going) await e.call(short, signal)
    }
    const callers = [busy(), busy(), busy(), busy()]
    await e.call(short, signal, { alone: true })
    going = false
    await Promise.all(callers)
    expect(e.inFlight).toBe(0)
  })

  test('what was queued does not call while the breaker is open, and one alone tries after the pause', async () => {
    const e = endpoint({ ...options, concurrency: { start: 1, max: 8 }, breaker: { trips: 1, from: 60, to: 60 } })
    const calls: boolean[] = []
    let most = 0
    const failing = async () => {
      calls.push(e.open)
      most = Math.max(most, e.inFlight)
      await new Promise((resolve) => setTimeout(resolve, 2))
      throw new Unavailable('down')
    }
    await Promise.all(Array.from({ length: 4 }, () => e.call(failing, signal).catch(() => {})))
    expect(calls).toEqual([false, false, false, false])
    expect(most).toBe(1)
  })

  test('a step that waits for a slot is not late', async () => {
    const e = endpoint({ ...options, concurrency: { start: 1, max: 1 }, timeout: 500 })
    const slow = () => new Promise<string>((resolve) => setTimeout(() => resolve('done'), 30))
    const impatient = { policy: { timeout: 40, retry }, endpoints: [e] }
    const all = await Promise.all([1, 2, 3].map(() => tried((s) => e.call(slow, s), impatient, signal)))
    expect(all).toEqual([1, 2, 3].map(() => ({ value: 'done', attempts: 1 })))
  })

  test('a bound brings the limit down at once and keeps it from growing, until it is lifted', async () => {
    const e = endpoint(options)
    e.bound(2)
    expect(e.limit).toBe(2)
    for (let i = 0; i < 4; i++) await e.call(async () => {}, signal)
    expect(e.limit).toBe(2)
    e.bound(100)
    for (let i = 0; i < 100; i++) await e.call(async () => {}, signal)
    expect(e.limit).toBe(8)
    e.bound(0)
    expect(e.limit).toBe(1)
  })

  test('an endpoint that is known to be well again is closed at once, and begins where it began', async () => {
    const e = endpoint({ ...options, breaker: { trips: 2, from: 60_000, to: 60_000 } })
    for (let i = 0; i < 2; i++) await e.call(fail, signal).catch(() => {})
    expect([e.breaker, e.limit]).toEqual(['open', 1])
    e.renew()
    expect([e.breaker, e.limit]).toEqual(['closed', 4])
    await e.call(fail, signal).catch(() => {})
    expect(e.breaker).toBe('closed')
  })
})
