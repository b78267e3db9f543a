/** Whatever servers do, in whatever order: what a fleet promises of its calls holds after each step. */
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Fleet } from '../../../adapters/vllm/members.ts'
import { Fatal, Unavailable } from '../../../runtime/errors.ts'
import { fakes, forever, pass, type Fake } from './fleet-fakes.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

type Step =
  | { readonly do: 'call'; readonly key: number; readonly alone: boolean; readonly avoid: readonly string[] }
  | { readonly do: 'finish' | 'lose' | 'hurry' | 'abort'; readonly which: number }
  | { readonly do: 'kill' | 'revive' | 'freeze' | 'change' | 'drain' | 'name'; readonly server: string }
  | { readonly do: 'pass'; readonly ms: number }

const names = ['a', 'b', 'c', 'd']
const which = fc.nat(30)
const server = fc.constantFrom(...names)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('call' as const), key: fc.nat(20), alone: fc.integer({ min: 0, max: 9 }).map((n) => n === 0), avoid: fc.subarray(names.map((name) => `${name}:1`)) }) }, // prettier-ignore
  { weight: 6, arbitrary: fc.record({ do: fc.constant('finish' as const), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('lose', 'hurry', 'abort'), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('kill', 'revive', 'freeze', 'change', 'drain', 'name'), server }) }, // prettier-ignore
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 100, 2000, 6000, 40_000) }) }, // prettier-ignore
)

const behaviours = {
  kill: { health: async () => Promise.reject(new Unavailable('refused')), probe: async () => {} },
  revive: { health: async () => {}, probe: async () => {} },
  freeze: { health: forever, probe: forever },
  change: { health: async () => {}, probe: async () => Promise.reject(new Fatal('another model')) },
}

interface Running {
  readonly id: number
  readonly server: string
  readonly alone: boolean
  end(error?: Error): void
}

/** A fleet, its calls, and what is wrong with what happens to them. */
const watched = (fleet: Fleet<Fake>) => {
  const running = new Set<Running>()
  const waiting = new Map<number, { alone: boolean; abort: () => void }>()
  const wrong: string[] = []
  let [begun, ended, calls] = [0, 0, 0]

  const work = (id: number, alone: boolean) => (on: Fake, signal: AbortSignal) =>
    new Promise<number>((resolve, reject) => {
      if (!waiting.delete(id)) wrong.push(`call ${id} began twice`)
      const there = [...running].filter((each) => each.server === on.key)
      if (there.length > 0 && (alone || there.some((each) => each.alone))) wrong.push(`call ${id} is not alone`)
      if (on.closed) wrong.push(`call ${id} began on a server that is closed`)
      const state = fleet.members().find(({ key }) => key === on.key)?.state
      if (state !== 'ready') wrong.push(`call ${id} began on a server that is ${state ?? 'gone'}`)
      const own: Running = {
        ...{ id, server: on.key, alone },
        end(error) {
          running.delete(own)
          if (error) reject(error)
          else resolve(id)
        },
      }
      running.add(own)
      signal.addEventListener('abort', () => running.delete(own))
      begun++
    })

  return {
    wrong,
    running,
    waiting,
    counts: () => ({ begun, ended, calls }),
    call(key: number, alone: boolean, avoid: readonly string[]) {
      const id = calls++
      const own = new AbortController()
      const gone = new Error('not wanted')
      waiting.set(id, { alone, abort: () => own.abort(gone) })
      const done = (outcome: unknown) => {
        ended++
        waiting.delete(id)
        if (outcome !== id && outcome !== gone && !(outcome instanceof Unavailable)) wrong.push(`call ${id}: ${String(outcome)}`) // prettier-ignore
      }
      fleet.call(`q${key}`, work(id, alone), own.signal, { alone, avoid }).then(done, done)
    },
    /** S1, S3, S4, seen from outside. */
    look() {
      const ready = fleet.members().filter(({ state }) => state === 'ready')
      const ordinary = [...waiting.values()].some(({ alone }) => !alone)
      const suspects = [...waiting.values()].filter(({ alone }) => alone).length
      const exclusive = [...running].filter(({ alone }) => alone).map((each) => each.server)
      const withRoom = ready.filter(({ key, inFlight, limit }) => inFlight < limit && !exclusive.includes(key))
      const heldForOthers = Math.min(suspects, Math.max(1, Math.floor(ready.length / 2)))
      if (ordinary && withRoom.length > heldForOthers) wrong.push('a call waits while a ready server has room')
      if (suspects > 0 && exclusive.length === 0 && ready.length > 0 && ready.every(({ inFlight }) => inFlight === 0)) {
        wrong.push('a call that wants to be alone waits while every server is empty')
      }
      if (fleet.endpoint.open !== (ready.length === 0)) wrong.push('the fleet does not say whether it is open')
      for (const { key, inFlight } of fleet.members()) {
        const there = [...running].filter((each) => each.server === key).length
        if (there > inFlight) wrong.push(`${key} has ${there} calls and counts ${inFlight}`)
      }
    },
  }
}

test('no call is lost or runs twice, none waits beside a server with room, and alone is alone', async () => {
  const tally = { begun: 0, alone: 0, waited: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), async (steps) => {
      let named = [...names]
      const world = fakes('')
      const source = { kind: 'dns', url: 'http://readers:1' } as const
      const fleet = await world.open({ source, lookup: async () => named, random: () => 0.5 })
      await pass(0)
      const seen = watched(fleet)
      const pick = (at: number) => [...seen.running][at % Math.max(1, seen.running.size)]

      const act = async (now: Step) => {
        if (now.do === 'call') seen.call(now.key, now.alone, now.avoid)
        else if (now.do === 'pass') await pass(now.ms)
        else if (now.do === 'finish') pick(now.which)?.end()
        else if (now.do === 'lose') pick(now.which)?.end(new Unavailable('lost', { inFlight: true }))
        else if (now.do === 'hurry') pick(now.which)?.end(new Unavailable('503'))
        else if (now.do === 'abort') [...seen.waiting.values()][now.which % Math.max(1, seen.waiting.size)]?.abort()
        else if (now.do === 'drain') fleet.drain(`${now.server}:1`).catch(() => {})
        else if (now.do === 'name') {
          const without = named.filter((name) => name !== now.server)
          named = without.length === named.length ? [...named, now.server] : without
        } else if ('server' in now) Object.assign(world.server(now.server), behaviours[now.do])
        await pass(0)
      }

      for (const each of steps) {
        await act(each)
        seen.look()
        tally.waited += seen.waiting.size > 0 ? 1 : 0
        tally.alone += [...seen.running].some(({ alone }) => alone) ? 1 : 0
        expect(seen.wrong).toEqual([])
      }

      // The world gets well: everything that still runs or waits comes to its end.
      named = [...names, 'e']
      for (const name of names) Object.assign(world.server(name), behaviours.revive)
      for (let round = 0; round < 500 && seen.counts().ended < seen.counts().calls; round++) {
        await pass(1000)
        for (const each of [...seen.running]) each.end()
        await pass(0)
        seen.look()
      }
      expect(seen.wrong).toEqual([])
      expect(seen.counts()).toMatchObject({ ended: seen.counts().calls })
      expect(fleet.endpoint.inFlight).toBe(0)
      tally.begun += seen.counts().begun
      await fleet.close()
      expect(vi.getTimerCount()).toBe(0)
    }),
    { numRuns: 150 },
  )
  // What was to be seen was seen.
  expect(Math.min(...Object.values(tally))).toBeGreaterThan(50)
}, 120_000)
