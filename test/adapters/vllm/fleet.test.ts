import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Distrusted } from '../../../adapters/vllm/failures.ts'
import { pacing } from '../../../adapters/vllm/fleet/examining.ts'
import type { Fleet } from '../../../adapters/vllm/members.ts'
import { Fatal, Rejected, Unavailable } from '../../../runtime/errors.ts'
import { pause } from '../../../runtime/wait.ts'
import { fakes, forever, held, never, pass, stateOf, type Fake } from './fleet-fakes.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const away = async () => Promise.reject(new Unavailable('connection refused'))
const unfit = async () => Promise.reject(new Fatal('no plugin: start it with --logits-processors'))
const answers = async () => {}
const lost = () => new Unavailable('the connection was lost', { endpoint: 'http://a', inFlight: true })
const busy = () => new Unavailable('503: too busy')

/** Calls of as many keys, until one is with every server that is named. */
const oneEach = async (fleet: Fleet<Fake>, names: string) => {
  const found = new Map<string, Awaited<ReturnType<typeof held>>>()
  for (let at = 0; found.size < names.length && at < 100; at++) {
    const call = await held(fleet, `query ${at}`)
    const name = call.server!.split(':')[0]!
    if (found.has(name)) await call.finish()
    else found.set(name, call)
  }
  return (name: string) => found.get(name)!
}

describe('opening', () => {
  test('waits for the first server whose health and probe pass, and leaves the others to come', async () => {
    const world = fakes('ab', (server) => (server.health = server.key === 'a:1' ? answers : away))
    const fleet = await world.open()
    expect(stateOf(fleet)).toEqual({ a: 'ready', b: 'away' })
    expect(world.server('b').asked.probe).toBe(0)
    world.server('b').health = answers
    await pass(5000)
    expect(stateOf(fleet)).toEqual({ a: 'ready', b: 'ready' })
    await fleet.close()
  })

  test('with none that is ready in time fails, and names each server and why', async () => {
    const world = fakes('ab', (server) => {
      if (server.key === 'a:1') server.health = away
      else server.probe = unfit
    })
    const opening = world.open({ patience: 10_000 })
    await pass(9000)
    expect(world.server('a').closed).toBe(false)
    await pass(1001)
    await expect(opening).rejects.toMatchObject({
      name: 'Unavailable',
      message: 'vllm: no server is ready: a:1: connection refused; b:1: no plugin: start it with --logits-processors',
    })
    expect([world.server('a').closed, world.server('b').closed]).toEqual([true, true])
  })

  test('hears out a server that is well and takes longer than patience for its probe', async () => {
    const world = fakes('ab', (server) => {
      if (server.key === 'a:1') server.health = away
      else server.probe = () => pause(25_000, never)
    })
    const opening = world.open({ patience: 10_000, times: { probeLimit: 60_000 } })
    await pass(26_000)
    const fleet = await opening
    expect(stateOf(fleet)).toEqual({ a: 'away', b: 'ready' })
    await fleet.close()
  })

  test('with all refused fails at once, for good', async () => {
    const world = fakes('ab', (server) => (server.probe = unfit))
    const opening = world.open()
    await pass(1)
    await expect(opening).rejects.toMatchObject({
      name: 'Fatal',
      message: expect.stringMatching(/^vllm: no server can do this work: a:1: no plugin.*; b:1: no plugin/) as string,
    })
  })

  test('can be given up', async () => {
    const world = fakes('a', (server) => (server.health = forever))
    const given = new AbortController()
    const opening = world.open({ signal: given.signal })
    given.abort(new Error('enough'))
    await pass(0)
    await expect(opening).rejects.toThrow('enough')
    expect(world.server('a').closed).toBe(true)
  })

  test('a probe that is not answered has a limit of its own, and is tried again with more and more patience', async () => {
    const world = fakes('ab', (server) => {
      if (server.key === 'b:1') server.probe = forever
    })
    const fleet = await world.open({ times: { probeLimit: 1000, retry: { from: 500, to: 4000 } } })
    await pass(999)
    expect(fleet.members()[1]!.reason).toBe('it has not answered yet what it can do')
    await pass(1)
    expect(fleet.members()[1]!.reason).toBe('the probe was not answered within 1 s')
    const probes = async (ms: number) => {
      const before = world.server('b').asked.probe
      await pass(ms)
      return world.server('b').asked.probe - before
    }
    expect(await probes(500)).toBe(1)
    expect(await probes(1999)).toBe(0)
    expect(await probes(1)).toBe(1)
    await pass(60_000)
    expect(await probes(50_000)).toBe(10) // a limit and the longest pause
    await fleet.close()
  })
})

describe('a server that can never do the work', () => {
  test('is refused with its sentence, once, and joins after it was started with other flags', async () => {
    const world = fakes('ab', (server) => (server.probe = server.key === 'a:1' ? answers : unfit))
    const fleet = await world.open()
    expect(fleet.members()[1]).toMatchObject({
      ...{ key: 'b:1', state: 'refused', reason: 'no plugin: start it with --logits-processors' },
    })
    await pass(59_000)
    expect(world.server('b').asked.probe).toBe(1)
    await pass(180_000)
    expect(world.server('b').asked.probe).toBe(4)
    const refusals = world.said.filter((line) => line.includes('refused'))
    expect(refusals).toEqual(['warn; a server was refused; b:1; no plugin: start it with --logits-processors'])
    world.server('b').probe = answers
    await pass(60_000)
    expect(stateOf(fleet)).toEqual({ a: 'ready', b: 'ready' })
    await fleet.close()
  })

  test('gets no call', async () => {
    const world = fakes('ab', (server) => (server.probe = server.key === 'a:1' ? answers : unfit))
    const fleet = await world.open()
    const calls = Array.from({ length: 20 }, (_, at) => fleet.call(`q${at}`, async ({ key }) => key, never))
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['a:1']))
    await fleet.close()
  })

  test('a call that finds out first is Unavailable there, and the probe decides', async () => {
    const world = fakes('ab')
    const fleet = await world.open()
    const at = await oneEach(fleet, 'ab')
    world.server('a').probe = unfit
    await at('a').fail(new Fatal('404: no model of this name'))
    expect(at('a').outcome).toMatchObject({ name: 'Unavailable', endpoint: 'a:1', inFlight: false })
    await pass(0)
    expect(stateOf(fleet)).toEqual({ a: 'refused', b: 'ready' })
    await fleet.close()
  })

  test('where the probe passes and calls are refused for good all the same, it stops', async () => {
    const world = fakes('a')
    const fleet = await world.open()
    const refused = async () => {
      const call = await held(fleet, 'q')
      await call.fail(new Fatal('401: no key'))
      await pass(0)
      return call.outcome
    }
    expect(await refused()).toMatchObject({ name: 'Unavailable' })
    expect(stateOf(fleet)).toEqual({ a: 'ready' })
    expect(await refused()).toMatchObject({ name: 'Fatal', message: '401: no key' })
    await fleet.close()
  })
})

describe('a server that is lost', () => {
  test('because its answer cannot be right is probed before it gets work', async () => {
    const world = fakes('a')
    const fleet = await world.open()
    const call = await held(fleet, 'q')
    world.server('a').probe = away
    await call.fail(new Distrusted('a:1 answered something that is no JSON', { endpoint: 'a:1' }))
    expect(call.outcome).toMatchObject({ name: 'Unavailable', endpoint: 'a:1', inFlight: false })
    await pass(100)
    expect(stateOf(fleet)).toEqual({ a: 'away' })
    world.server('a').probe = answers
    await pass(30_000)
    expect(stateOf(fleet)).toEqual({ a: 'ready' })
    await fleet.close()
  })

  test('with a call in flight is away at once, named as the fleet names it, and probed before it gets work', async () => {
    const world = fakes('a')
    const fleet = await world.open()
    world.server('a').health = away
    const call = await held(fleet, 'q')
    await call.fail(lost())
    expect(call.outcome).toMatchObject({ name: 'Unavailable', endpoint: 'a:1', inFlight: true })
    expect(fleet.endpoint.open).toBe(true)
    const next = await held(fleet, 'q')
    world.server('a').health = answers
    world.server('a').probe = away
    await pass(10_000)
    expect([next.server, fleet.members()[0]!.reason]).toEqual([undefined, 'connection refused'])
    world.server('a').probe = answers
    await pass(30_000)
    expect(next.server).toBe('a:1')
    await next.finish()
    await fleet.close()
  })

  test('while none is ready, calls wait and nothing fails; whoever waits for the fleet is told', async () => {
    const world = fakes('ab')
    const fleet = await world.open()
    for (const name of 'ab') world.server(name).health = away
    const at = await oneEach(fleet, 'ab')
    await at('a').fail(lost())
    await at('b').fail(lost())
    expect([fleet.endpoint.open, fleet.endpoint.breaker, fleet.endpoint.limit]).toEqual([true, 'open', 0])
    const waiting = await Promise.all([1, 2, 3].map((each) => held(fleet, `${each}`)))
    let told = false
    void fleet.endpoint.ready(never).then(() => (told = true))
    await pass(600_000)
    expect([told, ...waiting.map(({ outcome }) => outcome)]).toEqual([false, undefined, undefined, undefined])
    world.server('b').health = answers
    await pass(5000)
    expect([told, fleet.endpoint.open]).toEqual([true, false])
    for (const call of waiting) await call.finish()
    expect(waiting.map(({ server, outcome }) => [server, outcome])).toEqual(Array(3).fill(['b:1', 'done']))
    await fleet.close()
  })

  test('that stands still with its connections open is found by its health; what hangs there ends as a loss', async () => {
    const world = fakes('ab')
    const fleet = await world.open()
    const at = await oneEach(fleet, 'ab')
    world.server('a').health = forever
    await pass(11_000)
    expect([stateOf(fleet).a, at('a').outcome]).toEqual(['ready', undefined])
    await pass(6000) // 5 to the first look, 5 to each of two more, 2 for an answer
    expect(stateOf(fleet)).toEqual({ a: 'away', b: 'ready' })
    expect(at('a').outcome).toMatchObject({
      ...{ name: 'Unavailable', endpoint: 'a:1', inFlight: true },
      message: 'a:1 was lost: the question for its health was not answered within 2 s',
    })
    expect([at('a').aborted, at('b').outcome]).toEqual([true, undefined])
    await fleet.close()
  })

  test('is not one that leaves a look or two unanswered', async () => {
    const world = fakes('a')
    const fleet = await world.open()
    let looks = 0
    world.server('a').health = () => (++looks % 3 === 0 ? answers() : forever())
    await pass(120_000)
    expect(looks).toBeGreaterThan(20)
    expect(world.counts.get('gainstream_server_changes_total a:1 lost')).toBeUndefined()
    expect(world.server('a').asked.probe).toBe(1)
    await fleet.close()
  })

  test('for one look only, and is there again, is probed: it may have been started anew', async () => {
    const world = fakes('a')
    const fleet = await world.open()
    world.server('a').health = away
    await pass(5000)
    expect(stateOf(fleet)).toEqual({ a: 'ready' })
    world.server('a').health = answers
    world.server('a').probe = unfit
    await pass(5000)
    expect(stateOf(fleet)).toEqual({ a: 'refused' })
    expect(world.said[1]).toBe('warn; a server was lost; a:1; it was away for a moment: connection refused')
    await fleet.close()
  })

  test('a call that could not connect has its health asked for at once: no other call goes there', async () => {
    const world = fakes('ab')
    const fleet = await world.open()
    const at = await oneEach(fleet, 'ab')
    world.server('a').health = away
    await at('a').fail(new Unavailable('connection refused'))
    await pass(0)
    expect(stateOf(fleet)).toEqual({ a: 'away', b: 'ready' })
    expect(at('a').outcome).toMatchObject({ inFlight: false, endpoint: 'a:1' })
    await fleet.close()
  })

  test('that answers for its health but hangs on work is lost when the time of a call is over', async () => {
    const world = fakes('a')
    const fleet = await world.open()
    const call = await held(fleet, 'q')
    world.server('a').probe = forever
    await pass(59_999)
    expect([stateOf(fleet).a, call.outcome]).toEqual(['ready', undefined])
    await pass(1)
    expect(call.outcome).toMatchObject({ inFlight: true, message: 'a:1 did not answer within 60 s' })
    expect([stateOf(fleet).a, call.aborted]).toEqual(['away', true])
    await fleet.close()
  })

  test('when its probe hangs, what is under way there is ended', async () => {
    const world = fakes('a')
    const fleet = await world.open({ times: { probeLimit: 5000 } })
    const [first, second] = await Promise.all([held(fleet, 'q'), held(fleet, 'q')])
    world.server('a').probe = forever
    await first.fail(lost())
    await pass(4999)
    expect(second.outcome).toBeUndefined()
    await pass(1)
    expect(second.outcome).toMatchObject({ name: 'Unavailable', endpoint: 'a:1', inFlight: true })
    await fleet.close()
  })

  test('when its probe passes, what is under way there goes on', async () => {
    const world = fakes('a')
    const fleet = await world.open()
    const [first, second] = await Promise.all([held(fleet, 'q'), held(fleet, 'q')])
    await first.fail(lost())
    expect(stateOf(fleet)).toEqual({ a: 'away' })
    await pass(0)
    expect(stateOf(fleet)).toEqual({ a: 'ready' })
    await second.finish()
    expect(second.outcome).toBe('done')
    await fleet.close()
  })

  test('a call that began before the last probe says nothing of the server', async () => {
    const world = fakes('a')
    const fleet = await world.open()
    const [first, second] = await Promise.all([held(fleet, 'q'), held(fleet, 'q')])
    await first.fail(lost())
    await pass(0)
    await second.fail(lost())
    expect(second.outcome).toMatchObject({ inFlight: true })
    expect(stateOf(fleet)).toEqual({ a: 'ready' })
    await fleet.close()
  })

  test('that stays away with connections open that nobody ends has its calls ended', async () => {
    const world = fakes('a')
    const fleet = await world.open()
    const [first, second] = await Promise.all([held(fleet, 'q'), held(fleet, 'q')])
    world.server('a').health = away
    await first.fail(lost())
    await pass(10_000)
    expect(second.outcome).toBeUndefined()
    await pass(10_000)
    expect(second.outcome).toMatchObject({ endpoint: 'a:1', inFlight: true })
    await fleet.close()
  })

  test('one of two that is gone for good costs nobody any time: the other takes all', async () => {
    const world = fakes('ab')
    const fleet = await world.open()
    const at = await oneEach(fleet, 'ab')
    world.server('a').health = away
    await at('a').fail(lost())
    await at('b').finish()
    const began = Date.now()
    const calls = Array.from({ length: 50 }, (_, each) => fleet.call(`q${each}`, async ({ key }) => key, never))
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['b:1']))
    expect(Date.now()).toBe(began)
    await fleet.close()
  })
})

describe('a server that is too busy', () => {
  const refusing = async () => Promise.reject(busy())

  test('gets half as many calls at once, and stays', async () => {
    const world = fakes('a')
    const fleet = await world.open({ concurrency: { start: 4, max: 8 } })
    await fleet.call('q', refusing, never).catch(() => {})
    await pass(0)
    expect(fleet.members()).toMatchObject([{ state: 'ready', limit: 2 }])
    expect(world.said.filter((line) => line.includes('lost'))).toEqual([])
    await fleet.close()
  })

  test('for long is left alone, and probed until it takes work; no record has lost anything', async () => {
    const world = fakes('a')
    const fleet = await world.open()
    world.server('a').probe = refusing
    for (let each = 0; each < 5; each++) {
      const failed = await fleet.call('q', refusing, never).catch((error: unknown) => error)
      expect(failed).toMatchObject({ name: 'Unavailable', endpoint: 'a:1', inFlight: false })
    }
    await pass(0)
    expect(fleet.endpoint.open).toBe(true)
    const next = await held(fleet, 'q')
    await pass(30_000)
    expect(next.server).toBeUndefined()
    world.server('a').probe = answers
    await pass(30_000)
    expect(next.server).toBe('a:1')
    expect(fleet.members()).toMatchObject([{ limit: 2 }])
    await next.finish()
    await fleet.close()
  })

  test('a record that is at fault costs the server nothing', async () => {
    const world = fakes('a')
    const fleet = await world.open({ concurrency: { start: 4, max: 8 } })
    const rejected = fleet.call('q', async () => Promise.reject(new Rejected('too long')), never)
    await expect(rejected).rejects.toThrow('too long')
    expect(fleet.members()).toMatchObject([{ state: 'ready', limit: 4 }])
    await fleet.close()
  })
})

describe('the server of a call', () => {
  test('is the same for the same key, and each server has its share', async () => {
    const world = fakes('abcd')
    const fleet = await world.open()
    const at = async (key: string) => fleet.call(key, async (server) => server.key, never)
    const shares = new Map<string, number>()
    for (let each = 0; each < 1000; each++) {
      const server = await at(`run/query-${each}`)
      expect(await at(`run/query-${each}`)).toBe(server)
      shares.set(server, (shares.get(server) ?? 0) + 1)
    }
    for (const share of shares.values()) expect(Math.abs(share - 250)).toBeLessThan(60)
    await fleet.close()
  })

  test('when one goes, only the keys that it had move', async () => {
    const world = fakes('abcd')
    const fleet = await world.open()
    const sequentially = async () => {
      const found: string[] = []
      for (let each = 0; each < 200; each++) found.push(await fleet.call(`q${each}`, async ({ key }) => key, never))
      return found
    }
    const before = await sequentially()
    await fleet.drain('c:1')
    const after = await sequentially()
    expect(after).toEqual(before.map((key, at) => (key === 'c:1' ? after[at] : key)))
    expect(new Set(before.flatMap((key, at) => (key === 'c:1' ? [after[at]] : [])))).toEqual(new Set(['a:1', 'b:1', 'd:1'])) // prettier-ignore
    await fleet.close()
  })

  test('is another one when the one that it prefers is full', async () => {
    const world = fakes('ab')
    const fleet = await world.open()
    const calls = await Promise.all([1, 2, 3, 4].map(() => held(fleet, 'q')))
    const [first, second, third, fourth] = calls.map(({ server }) => server)
    expect([second, fourth]).toEqual([first, third])
    expect(third).not.toBe(first)
    for (const call of calls) await call.finish()
    await fleet.close()
  })

  test('is one where this work was lost before only when there is no other', async () => {
    const world = fakes('ab')
    const fleet = await world.open()
    const preferred = await fleet.call('q', async ({ key }) => key, never)
    const hint = { avoid: [preferred], alone: false }
    const calls = await Promise.all([1, 2, 3].map(() => held(fleet, 'q', hint)))
    expect(calls.map(({ server }) => server === preferred)).toEqual([false, false, true])
    for (const call of calls) await call.finish()
    await fleet.close()
  })

  test('calls that find none wait, and go in the order in which they came; those that are aborted are passed over', async () => {
    const world = fakes('ab')
    const fleet = await world.open({ concurrency: { start: 1, max: 1 } })
    const running = await Promise.all([held(fleet, 'x'), held(fleet, 'x')])
    const given = new AbortController()
    const [first, second, third] = await Promise.all(
      [never, given.signal, never].map((signal, at) => held(fleet, `${at}`, undefined, signal)),
    )
    expect(world.watched.get('gainstream_fleet_waiting vllm')!()).toBe(3)
    given.abort(new Error('not wanted'))
    await second!.done
    expect(second!.outcome).toMatchObject({ message: 'not wanted' })
    await running[1].finish()
    expect([first!.server, third!.server]).toEqual([running[1].server, undefined])
    await first!.finish()
    expect(third!.server).toBe(first!.server)
    await third!.finish()
    await running[0].finish()
    expect(fleet.endpoint.inFlight).toBe(0)
    expect(world.watched.get('gainstream_fleet_waiting vllm')!()).toBe(0)
    await fleet.close()
  })

  test('time in the queue is not the time of the call', async () => {
    const world = fakes('a')
    const fleet = await world.open({ concurrency: { start: 1, max: 1 } })
    const first = await held(fleet, 'q')
    const second = await held(fleet, 'q')
    await pass(59_000)
    await first.finish()
    await pass(59_000)
    await second.finish()
    expect(second.outcome).toBe('done')
    await fleet.close()
  })
})

describe('a call that shares its server with nobody', () => {
  const alone = (...avoid: string[]) => ({ avoid, alone: true })

  test('waits until a server is empty, which gets nothing new meanwhile, and has it to itself', async () => {
    const world = fakes('a')
    const fleet = await world.open({ concurrency: { start: 4, max: 4 } })
    const before = await held(fleet, 'q')
    const suspect = await held(fleet, 's', alone())
    const after = await held(fleet, 'q')
    expect([suspect.server, after.server]).toEqual([undefined, undefined])
    await before.finish()
    expect([suspect.server, after.server]).toEqual(['a:1', undefined])
    await suspect.finish()
    expect(after.server).toBe('a:1')
    await after.finish()
    await fleet.close()
  })

  test('takes an empty server that it does not avoid, and the others go on', async () => {
    const world = fakes('abc')
    const fleet = await world.open({ concurrency: { start: 1, max: 1 } })
    const other = await held(fleet, 'q')
    const rest = ['a:1', 'b:1', 'c:1'].filter((key) => key !== other.server)
    const suspect = await held(fleet, 'q', alone(rest[0]!))
    expect(suspect.server).toBe(rest[1])
    expect((await held(fleet, 'q')).server).toBe(rest[0])
    await fleet.close()
  })

  test('waits for a busy server rather than go where it was lost before', async () => {
    const world = fakes('ab')
    const fleet = await world.open()
    const at = await oneEach(fleet, 'ab')
    await at('a').finish()
    const suspect = await held(fleet, 'q', alone('a:1'))
    expect(suspect.server).toBeUndefined()
    await at('b').finish()
    expect(suspect.server).toBe('b:1')
    await suspect.finish()
    await fleet.close()
  })

  test('goes elsewhere when the server that it waits for is lost', async () => {
    const world = fakes('ab')
    const fleet = await world.open()
    const at = await oneEach(fleet, 'ab')
    const suspect = await held(fleet, 'q', alone('a:1'))
    await at('a').finish()
    expect(suspect.server).toBeUndefined()
    world.server('b').health = away
    await at('b').fail(lost())
    expect(suspect.server).toBe('a:1')
    await suspect.finish()
    await fleet.close()
  })

  test('many of them have at most half of the servers', async () => {
    const world = fakes('abcd')
    const fleet = await world.open()
    const suspects = await Promise.all([1, 2, 3, 4].map((each) => held(fleet, `${each}`, alone())))
    expect(suspects.filter(({ server }) => server).length).toBe(2)
    const others = await Promise.all(Array.from({ length: 4 }, (_, at) => held(fleet, `${at}`)))
    expect(new Set(others.map(({ server }) => server)).size).toBe(2)
    expect(others.some(({ server }) => suspects.some((suspect) => suspect.server === server))).toBe(false)
    for (const suspect of suspects) await suspect.finish()
    expect(suspects.every(({ outcome }) => outcome === 'done')).toBe(true)
    await fleet.close()
  })

  test('one that gives up waiting frees what was held for it', async () => {
    const world = fakes('a')
    const fleet = await world.open({ concurrency: { start: 2, max: 2 } })
    const running = await held(fleet, 'q')
    const given = new AbortController()
    const suspect = await held(fleet, 's', alone(), given.signal)
    const next = await held(fleet, 'q')
    expect(next.server).toBeUndefined()
    given.abort(new Error('not wanted'))
    await suspect.done
    expect(next.server).toBe('a:1')
    await running.finish()
    await fleet.close()
  })
})

describe('the queue of a server itself', () => {
  /** One call after the other, so many. */
  const many = async (fleet: Fleet<Fake>, calls: number) => {
    for (let left = calls; left > 0; left--) await fleet.call('q', async () => {}, never)
  }

  test('where it cannot be read, calls at once grow to the most that are allowed', async () => {
    const world = fakes('a')
    const fleet = await world.open()
    const running = await held(fleet, 'q')
    await pass(10_000)
    await many(fleet, 100)
    expect(fleet.endpoint.limit).toBe(8)
    await running.finish()
    await fleet.close()
  })

  test('that is not empty at two looks in a row keeps them from growing, and that is empty lets them', async () => {
    const world = fakes('a')
    const fleet = await world.open()
    const load = { running: 32, waiting: 10, memory: 0.5 }
    world.server('a').load = async () => load
    const running = await held(fleet, 'q')
    await pass(4000)
    await many(fleet, 100)
    expect(fleet.endpoint.limit).toBe(2)
    load.waiting = 0
    await pass(2000)
    await many(fleet, 100)
    expect(fleet.endpoint.limit).toBe(8)
    await running.finish()
    await fleet.close()
  })

  test('that is many times as long as what runs brings them down, to where they began', async () => {
    const world = fakes('a')
    const fleet = await world.open()
    const running = await held(fleet, 'q')
    await many(fleet, 100)
    world.server('a').load = async () => ({ running: 8, waiting: 100, memory: 0.9 })
    await pass(4000)
    expect(fleet.endpoint.limit).toBe(7)
    await pass(4000)
    expect(fleet.endpoint.limit).toBe(5)
    await pass(30_000)
    expect(fleet.endpoint.limit).toBe(2)
    await running.finish()
    await fleet.close()
  })

  test('is not asked for while nothing is under way', async () => {
    let looks = 0
    const world = fakes('a')
    const fleet = await world.open()
    world.server('a').load = async () => void looks++
    await pass(60_000)
    expect(looks).toBe(0)
    await fleet.close()
  })
})

describe('a server that is to go', () => {
  test('finishes what it has, gets nothing new, and is closed', async () => {
    const world = fakes('ab')
    const fleet = await world.open()
    const at = await oneEach(fleet, 'ab')
    let drained = false
    const draining = fleet.drain('a:1').then(() => (drained = true))
    expect(stateOf(fleet)).toEqual({ a: 'draining', b: 'ready' })
    for (let each = 0; each < 20; each++) {
      expect(await fleet.call(`${each}`, async ({ key }) => key, never)).toBe('b:1')
    }
    await pass(30_000)
    expect(drained).toBe(false)
    await at('a').finish()
    await draining
    expect([stateOf(fleet), world.server('a').closed]).toEqual([{ b: 'ready' }, true])
    expect(world.said.at(-1)).toBe('info; a server was drained; a:1')
    await fleet.close()
  })

  test('is watched while it finishes: what hangs there ends', async () => {
    const world = fakes('ab')
    const fleet = await world.open()
    const at = await oneEach(fleet, 'ab')
    const draining = fleet.drain('a:1')
    world.server('a').health = forever
    await pass(17_000)
    expect(at('a').outcome).toMatchObject({ inFlight: true })
    await draining
    await fleet.close()
  })

  test('one that is away goes at once', async () => {
    const world = fakes('ab', (server) => (server.health = server.key === 'a:1' ? forever : answers))
    const fleet = await world.open()
    await fleet.drain('a:1')
    expect(stateOf(fleet)).toEqual({ b: 'ready' })
    await fleet.close()
  })

  test('one that nobody knows is named, with those that there are', async () => {
    const world = fakes('ab')
    const fleet = await world.open()
    await expect(fleet.drain('c:1')).rejects.toThrow('there is no server c:1 to drain; there are: a:1, b:1')
    await fleet.close()
  })

  const named = { kind: 'dns', url: 'http://readers:1' } as const

  test('comes and goes with the answers for a name', async () => {
    let found = ['a', 'b']
    const world = fakes('')
    const fleet = await world.open({ source: named, lookup: async () => found })
    await pass(0)
    expect(stateOf(fleet)).toEqual({ a: 'ready', b: 'ready' })
    found = ['b', 'c']
    await pass(10_000)
    expect(stateOf(fleet)).toEqual({ b: 'ready', c: 'ready' })
    expect(world.server('a').closed).toBe(true)
    await fleet.close()
  })

  test('drained by hand stays out while its source names it, and joins when it is named anew', async () => {
    let found = ['a', 'b']
    const world = fakes('')
    const fleet = await world.open({ source: named, lookup: async () => found })
    await pass(0)
    await fleet.drain('a:1')
    await pass(60_000)
    expect(stateOf(fleet)).toEqual({ b: 'ready' })
    found = ['b']
    await pass(10_000)
    found = ['a', 'b']
    await pass(10_000)
    expect(stateOf(fleet)).toEqual({ b: 'ready', a: 'ready' })
    await fleet.close()
  })

  test('named anew while it drains, it joins once it is empty', async () => {
    let found = ['a', 'b']
    const world = fakes('')
    const fleet = await world.open({ source: named, lookup: async () => found })
    await pass(0)
    const at = await oneEach(fleet, 'ab')
    found = ['b']
    await pass(10_000)
    found = ['a', 'b']
    await pass(10_000)
    expect(stateOf(fleet)).toEqual({ a: 'draining', b: 'ready' })
    await at('a').finish()
    await pass(0)
    expect(stateOf(fleet)).toEqual({ b: 'ready', a: 'ready' })
    await fleet.close()
  })

  test('an opening that finds no address says so', async () => {
    const world = fakes('')
    const opening = world.open({ source: named, lookup: async () => [], patience: 1000 })
    await pass(1000)
    await expect(opening).rejects.toThrow('vllm: no server is ready: the name readers has no address')
  })
})

describe('what is to be seen', () => {
  test('each server says how it is while it belongs to the fleet, and what became of it', async () => {
    const world = fakes('ab', (server) => (server.probe = server.key === 'a:1' ? answers : unfit))
    const fleet = await world.open()
    const read = (name: string) => world.watched.get(`gainstream_${name}`)?.()
    const running = await held(fleet, 'q')
    expect([read('server_state a:1'), read('server_state b:1')]).toEqual([1, 2])
    expect([read('endpoint_calls a:1'), read('endpoint_limit a:1'), read('endpoint_breaker_state a:1')]).toEqual([
      ...[1, 2, 0],
    ])
    const draining = fleet.drain('a:1')
    expect(read('server_state a:1')).toBe(3)
    await running.finish()
    await draining
    expect(read('server_state a:1')).toBeUndefined()
    expect([...world.counts].filter(([name]) => name.includes('changes'))).toEqual([
      ['gainstream_server_changes_total a:1 joined', 1],
      ['gainstream_server_changes_total b:1 refused', 1],
      ['gainstream_server_changes_total a:1 drained', 1],
    ])
    await fleet.close()
    expect([...world.watched.keys()]).toEqual([])
  })

  test('the log tells of joining, of a loss and why, and of staying away once', async () => {
    const world = fakes('a')
    const fleet = await world.open()
    world.server('a').health = away
    await (await held(fleet, 'q')).fail(lost())
    await pass(60_000)
    expect(world.said).toEqual([
      'info; a server joined; a:1',
      'warn; a server was lost; a:1; the connection was lost',
      'info; a server is away; a:1; connection refused',
    ])
    await fleet.close()
  })

  test('the fleet as one endpoint adds up what its servers have', async () => {
    const world = fakes('ab')
    const fleet = await world.open()
    const at = await oneEach(fleet, 'ab')
    expect([fleet.endpoint.limit, fleet.endpoint.inFlight, fleet.endpoint.name]).toEqual([4, 2, 'vllm'])
    expect(await fleet.endpoint.call(async () => 7, never)).toBe(7)
    await at('a').finish()
    await at('b').finish()
    await fleet.close()
  })
})

describe('closing', () => {
  test('ends probes, calls and whoever waits, and closes the servers', async () => {
    const world = fakes('ab', (server) => (server.probe = server.key === 'a:1' ? answers : forever))
    const fleet = await world.open({ concurrency: { start: 1, max: 1 } })
    const [running, waiting] = await Promise.all([held(fleet, 'q'), held(fleet, 'q')])
    await fleet.close()
    await pass(0)
    expect(running.outcome).toMatchObject({ name: 'Unavailable', inFlight: false })
    expect(running.aborted).toBe(true)
    expect(waiting.outcome).toMatchObject({ name: 'Unavailable', message: 'vllm is closed' })
    expect([world.server('a').closed, world.server('b').closed]).toEqual([true, true])
    await expect(fleet.call('q', async () => 1, never)).rejects.toThrow('vllm is closed')
    await fleet.endpoint.ready(never)
    expect([fleet.endpoint.open, vi.getTimerCount()]).toEqual([true, 0])
  })

  test('lets nothing begin that had its server already', async () => {
    const world = fakes('a')
    const fleet = await world.open()
    let begun = false
    const call = fleet.call('q', async () => (begun = true), never)
    const closing = fleet.close()
    await expect(call).rejects.toMatchObject({ name: 'Unavailable', inFlight: false })
    await closing
    expect(begun).toBe(false)
  })
})

test('health is asked for often, and a server whose health fails in between is probed soon after', () => {
  const times = { retry: { from: 500, to: 30_000 }, health: 5000 }
  const pace = pacing(times, () => 1)
  expect(Array.from({ length: 8 }, () => pace.probe())).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
  expect(Array.from({ length: 6 }, () => pace.health())).toEqual([500, 1000, 2000, 4000, 5000, 5000])
  expect([pace.probe(), pace.health(), pace.probe()]).toEqual([500, 500, 500])
})
