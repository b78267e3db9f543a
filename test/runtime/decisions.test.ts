import { expect, onTestFinished, test } from 'vitest'
import { decisions as follow, type Decision } from '../../runtime/decisions.ts'
import { bind, engine } from '../../runtime/engine.ts'
import { unobserved } from '../../runtime/observe.ts'
import { bulk } from '../../runtime/policy.ts'
import { processor } from '../../runtime/processor.ts'
import { table } from '../../runtime/table.ts'
import { topic } from '../../runtime/topic.ts'
import { merged } from '../../runtime/totals.ts'
import { eventually } from '../conformance/tools.ts'
import { codec, inputs, logOf, named, never, outputs, readAll, rejects, totals, type Thing } from './records.ts'

const decided = topic<Decision>({
  ...{ name: 'decided', retention: 'forever', compact: true, control: true },
  key: ({ stream, stage, partition, position }) => `${stream}/${stage}/${partition}/${position}`,
})

/** A stage that copies; what is called stuck never ends, and heeds no signal, until it is let go. */
const hanging = async (span: number, inFlight = 4) => {
  const log = await logOf([inputs, outputs, rejects, totals, decided], 1)
  const warned: object[] = []
  const begun: string[] = []
  const signals: AbortSignal[] = []
  const letGo: (() => void)[] = []
  const logger = { ...unobserved.logger, warn: (fields: object) => void warned.push(fields) }
  const policy = bulk({ commitEvery: 5, span, inFlight })
  const copy = processor<Thing, object>({
    ...{ name: 'copy', from: inputs, to: [outputs], policy },
    async step(value, _ports, signal) {
      begun.push(value.id)
      if (value.id.startsWith('stuck')) {
        signals.push(signal)
        await new Promise<void>((resolve) => letGo.push(resolve))
      }
      return [outputs.message(value)]
    },
  })
  const start = async () => {
    const running = await engine({
      ...{ log, codec, names: named, stages: [bind(copy, {})], partitions: 1, rejects, totals, decisions: decided },
      ...{ table: table(log, named.topic(totals)), observe: { ...unobserved, logger }, now: Date.now },
    })
    onTestFinished(() => running.stop())
    return running
  }
  const write = async (name: string, topicName: string, records: readonly (readonly [string, unknown])[]) => {
    const seat = log.source('g', name)
    const at = (await seat.open(never))?.position ?? 0
    const made = records.map(([key, value]) => ({
      ...{ topic: topicName, partition: 0, headers: {}, timestamp: 1 },
      ...{ key: Buffer.from(key), value: Buffer.from(JSON.stringify(value)) },
    }))
    await seat.settle({ records: made, settled: { position: at + 1, note: '' } })
  }
  return {
    ...{ log, begun, signals, warned, letGo, start },
    fill: (...ids: string[]) =>
      write(
        'writer',
        named.topic(inputs),
        ids.map((id) => [`monday/${id}`, { id }]),
      ),
    /** As another process would. */
    async giveUp(id: string, more: Partial<Decision> = {}) {
      const record = (await readAll(log, inputs)).find(({ key }) => String(key) === `monday/${id}`)!
      const info = await log.describe(named.topic(inputs))
      const decision = {
        ...{ kind: 'give up', stream: 's', stage: 'copy', partition: 0, position: record.position },
        ...{ topic_id: info!.id, settled: null, to: null },
        ...{ reason: 'by hand', decided_at: 1, ...more },
      }
      await write('decider', named.topic(decided), [[decided.key(decision), decision]])
    },
    /** Bytes under the key of a decision that are none. */
    async garbage() {
      const seat = log.source('g', 'vandal')
      await seat.open(never)
      const key = Buffer.from('s/copy/0/0')
      const record = {
        topic: named.topic(decided),
        partition: 0,
        key,
        value: Buffer.from('!'),
        headers: {},
        timestamp: 1,
      }
      await seat.settle({ records: [record], settled: { position: 1, note: '' } })
    },
    copied: async () => (await readAll(log, outputs)).map(({ key }) => String(key).slice('monday/'.length)),
    dead: async () =>
      (await readAll(log, rejects)).map(({ key, headers }) => [
        String(key),
        headers['reject.kind'],
        headers['reject.reason'],
      ]),
    counts: async () => {
      const newest = new Map((await readAll(log, totals)).map(({ key, value }) => [String(key), value]))
      return merged([...newest.values()].map((value) => JSON.parse(String(value)) as never)).counts
    },
  }
}

const ids = (count: number) => Array.from({ length: count }, (_, n) => `i${n}`)
const within = <T>(what: string, look: () => Promise<T | undefined> | T | undefined) => eventually(what, 5000, look)

test('at the span limit a step that never ends is given up by hand: the lane goes on, and what comes late counts for nothing', async () => {
  const all = await hanging(20)
  await all.fill('stuck', ...ids(40))
  await all.start()
  await within('the alarm', () => all.warned.length > 0 || undefined)
  expect(all.warned[0]).toMatchObject({ key: 'monday/stuck' })
  expect((await all.copied()).length).toBeLessThan(40)
  await all.giveUp('stuck')
  await within('the rest', async () => (await all.copied()).length === 40 || undefined)
  expect(await all.dead()).toEqual([['monday/stuck', 'given up', 'by hand']])
  expect(all.signals[0]!.aborted).toBe(true)
  for (const go of all.letGo) go()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(await all.copied()).not.toContain('stuck')
  expect(await all.counts()).toEqual({ done: 40, rejected: 1, 'rejected: given up': 1 })
})

test('every slot taken by steps that hang is freed', async () => {
  const all = await hanging(100, 2)
  await all.fill('stuck1', 'stuck2', 'a')
  await all.start()
  await within('both', () => all.begun.length === 2 || undefined)
  await all.giveUp('stuck1')
  await within('the other', async () => (await all.copied()).includes('a') || undefined)
  await all.giveUp('stuck2')
  await within('its end', async () => (await all.dead()).length === 2 || undefined)
})

test('what was decided while nobody worked holds for the next worker', async () => {
  const all = await hanging(100)
  await all.fill('stuck', 'a')
  await all.giveUp('stuck')
  const listening = follow({
    log: all.log,
    codec,
    observe: unobserved,
    topic: decided,
    stream: 's',
    name: named.topic(decided),
  })
  const position = (await readAll(all.log, inputs))[0]!.position
  await within('hearing', () => listening.find({ stage: 'copy', partition: 0, position }))
  await listening.stop()
  await all.start()
  await within('the reject', async () => (await all.dead()).length === 1 || undefined)
  await within('the other', async () => (await all.copied()).includes('a') || undefined)
  expect(await all.dead()).toEqual([['monday/stuck', 'given up', 'by hand']])
})

test('a decision on another topic, stream, stage, partition or position changes nothing', async () => {
  const all = await hanging(100)
  await all.fill('stuck', 'a')
  await all.start()
  await within('the other', async () => (await all.copied()).includes('a') || undefined)
  for (const other of [{ topic_id: 'old' }, { stream: 't' }, { stage: 'paste' }, { partition: 1 }, { position: 99 }])
    await all.giveUp('stuck', other)
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(await all.dead()).toEqual([])
  await all.giveUp('stuck', { position: (await readAll(all.log, inputs))[0]!.position })
  await within('the reject', async () => (await all.dead()).length === 1 || undefined)
})

test('what is no decision is passed over with a warning, and the next one is heard', async () => {
  const all = await hanging(100)
  await all.garbage()
  await all.fill('stuck', 'a')
  await all.start()
  await within('the other', async () => (await all.copied()).includes('a') || undefined)
  await all.giveUp('stuck')
  await within('the reject', async () => (await all.dead()).length === 1 || undefined)
  expect(all.warned).toHaveLength(1)
})
