import assert from 'node:assert/strict'
import { Rejected, Unavailable } from '../../runtime/errors.ts'
import type { Batch, Outcome } from '../../runtime/log.ts'
import { bench, copiesName, gates, ids, itemOf } from './bench.ts'
import type { Case } from './subject.ts'
import { idOf, readAll, sleep } from './tools.ts'

const unknown = (message: string): Outcome => ({ kind: 'unknown', cause: new Error(message) })
const copiesOf = (batch: Batch) =>
  batch.records.filter(({ topic }) => topic === copiesName).map(({ value }) => itemOf(value).id)

/** How a settle may end, and what a record may leave: I2. */
export const outcomes: Case[] = [
  {
    name: 'I2 an outcome that is unknown, landed or not, loses nothing and doubles nothing',
    async run(trial) {
      const all = await bench(trial, 2)
      await all.fill(ids(200))
      let calls = 0
      const fate = { landed: 0, vanished: 0 }
      await all.work({
        step: () => sleep(trial.draw(4)),
        async settle(batch, go) {
          if (++calls % 3 === 0) return go(batch)
          if (calls % 3 === 1) return (fate.vanished++, unknown('nobody heard of it'))
          const outcome = await go(batch)
          if (outcome.kind === 'done') fate.landed++
          return outcome.kind === 'done' ? unknown('it landed, and nobody said so') : outcome
        },
      })
      await all.settled()
      await all.stop()
      assert.ok(fate.landed > 0 && fate.vanished > 0, JSON.stringify(fate))
      await all.recount()
    },
  },
  {
    name: 'I2 when every outcome is unknown, the work gets done all the same',
    async run(trial) {
      const all = await bench(trial)
      await all.fill(ids(30))
      await all.work({
        async settle(batch, go) {
          const outcome = trial.draw(2) === 0 ? unknown('vanished') : await go(batch)
          return outcome.kind === 'done' ? unknown('landed') : outcome
        },
      })
      await all.settled()
      await all.stop()
      await all.recount()
    },
  },
  {
    name: 'I4 a completion that comes after the lane was read anew counts once, if its record is not settled',
    async run(trial) {
      const all = await bench(trial)
      const gate = gates()
      await all.fill(ids(12))
      let shaken = 0
      await all.work({
        step: gate.pass,
        async settle(batch, go) {
          const outcome = await go(batch)
          if (outcome.kind !== 'done' || shaken++ > 4) return outcome
          gate.open(`i${shaken}`, `i${shaken + 5}`) // these finish while the lane reads anew
          return unknown('landed')
        },
        async open(go) {
          const settled = await go()
          await sleep(10)
          return settled
        },
      })
      gate.open('i0')
      await all.sees(['i0'])
      gate.openAll()
      await all.settled()
      await all.stop()
      await all.recount()
    },
  },
  {
    name: 'I2 a reject is written with the settle of its record: as many outcomes as records, whatever crashes',
    async run(trial) {
      const all = await bench(trial, 2)
      const bad = ids(60).filter((_, n) => n % 4 === 1)
      await all.fill(ids(60))
      const step = async ({ id }: { id: string }) => {
        await sleep(trial.draw(5))
        if (bad.includes(id)) throw new Rejected(`${id} is no good`)
      }
      for (let crash = 0; crash < 2; crash++) {
        const victim = await all.work({ step })
        await sleep(15 + trial.draw(40))
        await victim.crash()
      }
      await all.work({ step })
      await all.settled()
      await all.stop()
      const dead = await all.recount(bad)
      for (const { key, value, headers } of dead) {
        assert.equal(itemOf(value).id, idOf({ key }).slice('run/'.length), 'key and value are untouched')
        assert.equal(headers['reject.kind'], 'rejected')
        assert.match(headers['reject.reason'] ?? '', /is no good/)
      }
    },
  },
  {
    name: 'I2 a bug is tried as often as the policy says and rejected; an absent world is waited for and rejects nothing',
    async run(trial) {
      const all = await bench(trial)
      await all.fill(ids(10))
      const tries = new Map<string, number>()
      const worker = await all.work({
        async step({ id }) {
          tries.set(id, (tries.get(id) ?? 0) + 1)
          if (id === 'i3') throw new TypeError('a bug')
          if (id === 'i4' && (tries.get(id) ?? 0) < 12) throw new Unavailable('the world')
        },
      })
      await all.settled()
      await all.stop()
      assert.ok((tries.get('i3') ?? 0) >= 3, 'three attempts')
      assert.ok((tries.get('i4') ?? 0) >= 12)
      assert.deepEqual(worker.failures, [])
      await all.recount(['i3'])
    },
  },
  {
    name: 'I2 a batch that the log refuses is halved down to the guilty record, which becomes a reject',
    async run(trial) {
      const all = await bench(trial)
      await all.fill(ids(40))
      const guilty = ['i7', 'i23']
      const gate = gates()
      const refusals: number[] = []
      await all.work({
        policy: { inFlight: 40, batch: { records: 100, bytes: 1_000_000 }, commitEvery: 300 },
        step: gate.pass,
        async settle(batch, go) {
          if (!copiesOf(batch).some((id) => guilty.includes(id))) return go(batch)
          refusals.push(copiesOf(batch).length)
          return { kind: 'refused', cause: new Error('this log does not like it') }
        },
      })
      await sleep(20)
      gate.openAll()
      await all.settled()
      await all.stop()
      const dead = await all.recount(guilty)
      assert.ok(dead.every(({ headers }) => /does not like it/.test(headers['reject.reason'] ?? '')))
      assert.ok(refusals.includes(1), `the guilty one stood alone: ${refusals.join(' ')}`)
    },
  },
  {
    name: 'I2 an output too large for its topic, and an input that cannot be read, are rejects of their records alone',
    async run(trial) {
      const all = await bench(trial)
      await all.fill(['fine', 'also fine'])
      await all.fill(['garbled'], () => ({ value: Buffer.from('{') }))
      await all.fill(['x'.repeat(60_000)])
      await all.fill(['last'])
      await all.work()
      await all.settled()
      await all.stop()
      await all.recount(['garbled', 'x'.repeat(60_000)])
    },
  },
  {
    name: 'I2 readers see an output only with its settle: never a copy whose totals do not count it',
    async run(trial) {
      const all = await bench(trial)
      await all.fill(ids(40))
      await all.work({ step: () => sleep(trial.draw(6)) })
      for (let look = 0; look < 10; look++) {
        const settledFirst = (await all.log.settled('conformance.s.copy', 'conformance.s.inputs'))[0]?.position ?? 0
        const prefix = (await readAll(all.log, 'conformance.s.inputs')).filter(
          ({ position }) => position < settledFirst,
        )
        const there = new Set(await all.copied())
        const missing = prefix.map(({ value }) => itemOf(value).id).filter((id) => !there.has(id))
        assert.deepEqual(missing, [], 'settled, and its copy is not there')
        await sleep(trial.draw(12))
      }
      await all.settled()
      await all.stop()
      await all.recount()
    },
  },
]
