import assert from 'node:assert/strict'
import { unobserved, type Observe } from '../../runtime/observe.ts'
import { bench, gates, ids, inputsName, itemOf, type Item } from './bench.ts'
import type { Case } from './subject.ts'
import { eventually, readAll, sleep } from './tools.ts'
import type { Between } from './wrapped.ts'

/** A logger that keeps what it was warned of. */
const listening = () => {
  const warnings: { message: string; fields: Record<string, unknown> }[] = []
  const warn = (fields: object, message: string) => void warnings.push({ message, fields: { ...fields } })
  const observe: Observe = { ...unobserved, logger: { ...unobserved.logger, warn } }
  return { warnings, observe }
}

/** Records whose step is under way for a lane that still wants it. */
const busy = () => {
  const now = new Set<AbortSignal>()
  let most = 0
  return {
    most: () => most,
    async while(signal: AbortSignal, work: () => Promise<void>) {
      now.add(signal)
      most = Math.max(most, [...now].filter(({ aborted }) => !aborted).length)
      await work().finally(() => now.delete(signal))
    },
  }
}

/** How much a lane takes on, and how soon it lets go: I5 and I6. */
export const limits: Case[] = [
  {
    name: 'I5 an idle lane settles at once, however long a busy one may wait',
    async run(trial) {
      const all = await bench(trial)
      await all.work({ policy: { commitEvery: 60_000 } })
      for (const id of ids(3)) {
        const began = Date.now()
        await all.fill([id])
        await all.sees([id])
        assert.ok(Date.now() - began < trial.patience / 2, `${Date.now() - began} ms`)
      }
      await all.settled()
      await all.stop()
      await all.recount()
    },
  },
  {
    name: 'I5 a busy lane gathers what finishes within its interval into one settle',
    async run(trial) {
      const all = await bench(trial)
      await all.fill(ids(200))
      let settles = 0
      await all.work({
        policy: { inFlight: 4, commitEvery: 200, batch: { records: 500, bytes: 1_000_000 } },
        step: () => sleep(1 + trial.draw(5)),
        settle: (batch, go) => (settles++, go(batch)),
      })
      await all.settled()
      await all.stop()
      assert.ok(settles < 60, `${settles} settles for 200 records`)
      await all.recount()
    },
  },
  {
    name: 'I5 a busy lane settles within its interval: no batch waits for the slowest record',
    async run(trial) {
      const all = await bench(trial)
      const gate = gates()
      await all.fill(ids(20))
      gate.open(...ids(20).slice(1))
      await all.work({ step: gate.pass, policy: { commitEvery: 30 } })
      await all.sees(ids(20).slice(1))
      gate.openAll()
      await all.settled()
      await all.stop()
      await all.recount()
    },
  },
  {
    name: 'I6 a lane works on as many records at once as its policy says, and on no more',
    async run(trial) {
      const all = await bench(trial)
      await all.fill(ids(60))
      const load = busy()
      await all.work({ policy: { inFlight: 5 }, step: (_item, signal) => load.while(signal, () => sleep(3)) })
      await all.settled()
      await all.stop()
      assert.equal(load.most(), 5)
      await all.recount()
    },
  },
  {
    name: 'I6 a lane holds as many bytes as its policy says, one record more at the most, and goes on when they are settled',
    async run(trial) {
      const all = await bench(trial)
      const gate = gates()
      const large = (id: string) => ({ value: Buffer.from(JSON.stringify({ id, text: 'x'.repeat(10_000) })) })
      await all.fill(ids(30), large)
      const begun = new Set<string>()
      await all.work({
        policy: { inFlight: 100, bytes: 50_000 },
        async step(item, signal) {
          begun.add(item.id)
          await gate.pass(item, signal)
        },
      })
      await eventually('some records in work', trial.patience, () => begun.size >= 3 || undefined)
      await sleep(60)
      assert.ok(begun.size <= 6, `${begun.size} records of 10 kB in work, 50 kB allowed`)
      gate.openAll()
      await all.settled()
      await all.stop()
      await all.recount()
    },
  },
  {
    name: 'I6 a settled record holds no bytes: a stuck one leaves the room to the others',
    async run(trial) {
      const all = await bench(trial)
      const gate = gates()
      const large = (id: string) => ({ value: Buffer.from(JSON.stringify({ id, text: 'x'.repeat(10_000) })) })
      await all.fill(ids(30), large)
      gate.open(...ids(30).slice(1))
      await all.work({ policy: { inFlight: 100, bytes: 50_000 }, step: gate.pass })
      await all.sees(ids(30).slice(1))
      gate.openAll()
      await all.settled()
      await all.stop()
      await all.recount()
    },
  },
  {
    name: 'I6 a stuck record stops no other until the span limit; there the lane waits, and an alarm names the record',
    async run(trial) {
      const all = await bench(trial)
      const gate = gates()
      const span = 50
      await all.fill(ids(200))
      const order = await readAll(all.log, inputsName)
      const first = order[0]?.position ?? 0
      const within = order
        .slice(1)
        .filter(({ position }) => position < first + span)
        .map(({ value }) => itemOf(value).id)
      gate.open(...ids(200).slice(1))
      const { warnings, observe } = listening()
      const begun = new Set<string>()
      const step = (item: Item, signal: AbortSignal) => (begun.add(item.id), gate.pass(item, signal))
      await all.work({ policy: { span }, step, observe })
      await all.sees(within)
      const alarm = await eventually('an alarm', trial.patience, () =>
        warnings.find(({ message }) => /oldest unfinished/.test(message)),
      )
      assert.equal(alarm.fields['key'], 'run/i0')
      await sleep(40)
      assert.ok(begun.size <= span + 5, `${begun.size} records begun within a span of ${span}`)
      gate.openAll()
      await all.settled()
      await all.stop()
      await all.recount()
    },
  },
  {
    name: 'I6 a lane that works faster than the log settles holds no more than a few batches, and blames no record',
    async run(trial) {
      const all = await bench(trial)
      await all.fill(ids(400))
      const { warnings, observe } = listening()
      let release = () => {}
      const released = new Promise<void>((resolve) => (release = resolve))
      const settle: Between['settle'] = async (batch, go) => (await released, go(batch))
      const worker = await all.work({ observe, settle })
      await eventually('work', trial.patience, () => worker.worked.length >= 40 || undefined)
      await sleep(50)
      const { size } = new Set(worker.worked)
      assert.ok(size <= 70, `${size} records done while the log had settled none, in batches of 20`)
      release()
      await all.settled()
      await all.stop()
      await all.recount()
      assert.equal(warnings.filter(({ message }) => /oldest unfinished/.test(message)).length, 0)
    },
  },
  {
    name: 'I6 where what is done already reaches the span limit, no record is named as unfinished',
    async run(trial) {
      const all = await bench(trial)
      await all.fill(ids(100))
      const { warnings, observe } = listening()
      const settle: Between['settle'] = async (batch, go) => (await sleep(20), go(batch))
      await all.work({ policy: { span: 25 }, observe, settle })
      await all.settled()
      await all.stop()
      await all.recount()
      assert.equal(warnings.filter(({ message }) => /oldest unfinished/.test(message)).length, 0)
    },
  },
  {
    name: 'I6 positions that were skipped in a large stretch behind a stuck record break nothing',
    needs: ['skip'],
    async run(trial) {
      const all = await bench(trial)
      const gate = gates()
      await all.fill(ids(3, 'a'))
      await trial.storage.skip?.(inputsName, 0, 60_000)
      await all.fill(ids(30, 'b'))
      gate.open(...ids(3, 'a').slice(1), ...ids(30, 'b'))
      await all.work({ step: gate.pass })
      await all.sees(ids(3, 'a').slice(1))
      await sleep(50)
      gate.openAll()
      await all.settled()
      await all.stop()
      await all.recount()
    },
  },
  {
    name: 'I6 a partition that takes nothing keeps its member: the other partition goes on',
    async run(trial) {
      const all = await bench(trial, 2)
      const gate = gates()
      await all.fill(ids(80)) // even ones in partition 0
      gate.open(...ids(80).filter((_, n) => n % 2 === 1))
      await all.work({ policy: { inFlight: 4 }, step: gate.pass })
      await all.sees(ids(80).filter((_, n) => n % 2 === 1))
      gate.openAll()
      await all.settled()
      await all.stop()
      await all.recount()
    },
  },
]
