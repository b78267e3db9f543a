import assert from 'node:assert/strict'
import { Fatal, Unavailable } from '../../runtime/errors.ts'
import { bind, engine } from '../../runtime/engine.ts'
import { unobserved } from '../../runtime/observe.ts'
import { processor } from '../../runtime/processor.ts'
import { table } from '../../runtime/table.ts'
import { topic } from '../../runtime/topic.ts'
import {
  bench,
  codec,
  copies,
  gates,
  group,
  ids,
  inputs,
  inputsName,
  itemOf,
  named,
  quick,
  rejects,
  totals,
  type Item,
} from './bench.ts'
import type { Case, Process, Trial } from './subject.ts'
import { eventually, out, readAll, sleep, spec, writer } from './tools.ts'

const within = async <T>(ms: number, what: string, work: Promise<T>): Promise<T> => {
  const late = sleep(ms).then(() => assert.fail(`${what} took longer than ${ms} ms`))
  return Promise.race([work, late])
}

const seconds = topic<Item>({ name: 'seconds', key: ({ id }) => `run/${id}`, retention: 'forever' })

/** Two stages in a row on one process, as one member of each group. */
const twoStages = async ({ log }: Process, { draw }: Pick<Trial, 'draw'>) => {
  const copy = (name: string, from: typeof inputs, to: typeof inputs) =>
    bind(
      processor<Item, unknown>({
        ...{ name, from, to: [to], policy: quick },
        step: async ({ id }) => (await sleep(draw(4)), [to.message({ id })]),
      }),
      {},
    )
  return engine({
    ...{ log, codec, names: named, now: Date.now, partitions: 3, totals, rejects, observe: unobserved },
    table: table(log, named.topic(totals)),
    stages: [copy('copy', inputs, copies), copy('again', copies, seconds)],
  })
}

const fillFor = async (trial: Trial, count: number) => {
  const log = await trial.log()
  await log.apply([spec(inputsName, 3, { maxBytes: inputs.maxBytes })])
  const source = await writer(log, 'inputs')
  const record = (id: string, n: number) => ({
    ...out(inputsName, `run/${id}`, n % 3, Buffer.from(JSON.stringify({ id }))),
    timestamp: Date.now(),
  })
  await source.write(ids(count).map(record))
  return log
}

/** Deletes what lies before this record; without one, everything. */
const trimBefore = async ({ storage }: Trial, { log }: Awaited<ReturnType<typeof bench>>, id?: string) => {
  const kept = (await readAll(log, inputsName)).find(({ value }) => itemOf(value).id === id)
  const end = (await log.describe(inputsName))?.partitions[0]?.end ?? 0
  await storage.trim?.(inputsName, 0, kept?.position ?? end)
}

const endsWith = async (trial: Trial, all: Awaited<ReturnType<typeof bench>>, pattern: RegExp) => {
  const before = await all.log.settled(group, inputsName)
  const worker = await all.work()
  const failure = await eventually('a sentence', trial.patience, () => worker.failures[0])
  assert.ok(failure instanceof Fatal, `${failure.name}: ${failure.message}`)
  assert.match(failure.message, pattern)
  await sleep(20)
  assert.deepEqual(worker.worked, [])
  assert.deepEqual(await all.log.settled(group, inputsName), before, 'the position was left alone')
  await within(trial.patience, 'stopping', worker.stop())
}

/** How work ends: I7 (stopping), I8 (until empty), I9 (nothing resets itself). */
export const ends: Case[] = [
  {
    name: 'I7 stopping settles what is finished and leaves the rest to the next owner',
    async run(trial) {
      const all = await bench(trial)
      const gate = gates()
      await all.fill(ids(20))
      let kept = 0
      for (let round = 0; round < 8; round++) {
        const before = await all.copied()
        const worker = await all.work({ step: gate.pass, policy: { commitEvery: 60_000, inFlight: 20 } })
        const left = 20 - before.length
        await eventually(
          'all of the rest in work',
          trial.patience,
          () => new Set(worker.worked).size === left || undefined,
        )
        gate.open(`i${round * 2}`)
        await sleep(15) // settled at once, because nothing was before
        gate.open(`i${round * 2 + 1}`)
        await sleep(15) // finished, and waiting for company
        await within(trial.patience, 'stopping', worker.stop())
        if ((await all.copied()).includes(`i${round * 2 + 1}`)) kept++
      }
      // A log that misbehaves may take the partition away in just that moment, but not every time.
      assert.ok(kept > 0, 'nothing of what was finished was settled')
      const done = await all.copied()
      gate.openAll()
      const heir = await all.work({ step: gate.pass })
      await all.settled()
      await all.stop()
      assert.deepEqual(
        heir.worked.filter((id) => done.includes(id)),
        [],
      )
      await all.recount()
    },
  },
  {
    name: 'I7 who stops leaves the group: the partitions go on elsewhere at once',
    async run(trial) {
      const all = await bench(trial, 4)
      await all.fill(ids(40))
      const [a] = [await all.work({ step: () => sleep(3) }), await all.work({ step: () => sleep(3) })]
      await sleep(trial.draw(40))
      await within(trial.patience, 'stopping', a.stop())
      await all.fill(ids(40, 'later'))
      await all.settled()
      await all.stop()
      await all.recount()
    },
  },
  {
    name: 'I7 a lane that cannot open its partition yet can be stopped',
    async run(trial) {
      const all = await bench(trial)
      await all.fill(ids(5))
      let asked = 0
      const worker = await all.work({
        async open() {
          asked++
          throw new Unavailable('the log is away for good')
        },
      })
      await eventually('an attempt to open', trial.patience, () => asked > 0 || undefined)
      await within(2000, 'stopping', worker.stop())
      await all.work()
      await all.settled()
      await all.stop()
      await all.recount()
    },
  },
  {
    name: 'I8 until empty ends when every stage has settled what the stages before it left, without a sleep',
    async run(trial) {
      const log = await fillFor(trial, 60)
      const running = await twoStages(await trial.process(), trial)
      await within(trial.patience, 'until empty', running.untilEmpty(new AbortController().signal))
      const found = (await readAll(log, named.topic(seconds))).map(({ value }) => itemOf(value).id)
      assert.deepEqual(found.sort(), ids(60).sort())
      await running.stop()
    },
  },
  {
    name: 'I8 until empty counts what other members settled, and every member ends',
    async run(trial) {
      const log = await fillFor(trial, 60)
      const both = [await twoStages(await trial.process(), trial), await twoStages(await trial.process(), trial)]
      const signal = new AbortController().signal
      await within(trial.patience, 'until empty', Promise.all(both.map((each) => each.untilEmpty(signal))))
      const found = (await readAll(log, named.topic(seconds))).map(({ value }) => itemOf(value).id)
      assert.deepEqual(found.sort(), ids(60).sort())
      await Promise.all(both.map((each) => each.stop()))
    },
  },
  {
    name: 'I8 until empty on an empty stream ends',
    async run(trial) {
      await fillFor(trial, 0)
      const running = await twoStages(await trial.process(), trial)
      await within(trial.patience, 'until empty', running.untilEmpty(new AbortController().signal))
      await running.stop()
    },
  },
  {
    name: 'I9 input that was deleted before it was settled stops the lane with a sentence',
    needs: ['trim'],
    async run(trial) {
      const all = await bench(trial)
      const gate = gates()
      await all.fill(ids(6))
      await all.fill(ids(6, 'young'))
      gate.open('i1', 'i2', 'young1')
      const worker = await all.work({ step: gate.pass })
      await all.sees(['i1', 'i2', 'young1'])
      await worker.crash()
      await trimBefore(trial, all, 'young0')
      await endsWith(trial, all, /deleted before they were settled/)
    },
  },
  {
    name: 'I9 a topic that was made anew stops the lane with a sentence',
    async run(trial) {
      const all = await bench(trial)
      await all.fill(ids(6))
      const worker = await all.work()
      await all.settled()
      await worker.stop()
      await all.log.remove({ topics: [inputsName], groups: [] })
      await all.log.apply([spec(inputsName, 1)])
      // A log may forget the positions of a topic with the topic: then the totals are what tells.
      await endsWith(trial, all, /made anew|no settled position/)
    },
  },
  {
    name: 'I9 a position that got lost, where totals say that the stage has run, stops the lane with a sentence',
    async run(trial) {
      const all = await bench(trial)
      await all.fill(ids(6))
      const worker = await all.work()
      await all.settled()
      await worker.stop()
      await all.log.remove({ topics: [], groups: [group] })
      await endsWith(trial, all, /no settled position/)
    },
  },
  {
    name: 'I9 a stage that never ran begins where its topic begins',
    needs: ['trim'],
    async run(trial) {
      const all = await bench(trial)
      await all.fill(ids(3))
      await trimBefore(trial, all)
      all.expected.length = 0
      await all.fill(ids(6, 'young'))
      await all.work()
      await all.settled()
      await all.stop()
      await all.recount()
    },
  },
]
