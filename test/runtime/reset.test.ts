import { expect, onTestFinished, test } from 'vitest'
import type { Decision } from '../../runtime/decisions.ts'
import { bind, engine } from '../../runtime/engine.ts'
import { Fatal } from '../../runtime/errors.ts'
import { writeNote } from '../../runtime/note.ts'
import { unobserved } from '../../runtime/observe.ts'
import { bulk } from '../../runtime/policy.ts'
import { processor } from '../../runtime/processor.ts'
import { fits, resetOf, targetOf } from '../../runtime/reset.ts'
import { resumed, Stopped, type Found } from '../../runtime/resume.ts'
import { table } from '../../runtime/table.ts'
import { topic } from '../../runtime/topic.ts'
import { pause } from '../../runtime/wait.ts'
import { eventually } from '../conformance/tools.ts'
import { codec, inputs, logOf, named, never, outputs, readAll, rejects, totals, type Thing } from './records.ts'

const decided = topic<Decision>({
  ...{ name: 'decided', retention: 'forever', compact: true, control: true },
  key: ({ stream, stage, partition, kind }) => `${stream}/${stage}/${partition}/${kind}`,
})
const group = named.group('copy')
const from = named.topic(inputs)

/** A stage that copies one partition; whose id begins with slow ends only when the stage does. */
const copying = async (seed = 1) => {
  const log = await logOf([inputs, outputs, rejects, totals, decided], 1, seed)
  const policy = bulk({ commitEvery: 5, span: 100, inFlight: 10 })
  const copy = processor<Thing, object>({
    ...{ name: 'copy', from: inputs, to: [outputs], policy },
    async step(value, _ports, signal) {
      if (value.id.startsWith('slow'))
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
      return [outputs.message(value)]
    },
  })
  const start = async () => {
    const running = await engine({
      ...{ log, codec, names: named, stages: [bind(copy, {})], partitions: 1, rejects, totals, decisions: decided },
      ...{ table: table(log, named.topic(totals)), observe: unobserved, now: Date.now },
    })
    onTestFinished(() => running.stop())
    return running
  }
  const write = async (topicName: string, records: readonly (readonly [string, unknown])[]) => {
    const seat = log.source('g', topicName)
    const at = (await seat.open(never))?.position ?? 0
    const made = records.map(([key, value]) => ({
      ...{ topic: topicName, partition: 0, headers: {}, timestamp: 1 },
      ...{ key: Buffer.from(key), value: Buffer.from(JSON.stringify(value)) },
    }))
    await seat.settle({ records: made, settled: { position: at + 1, note: '' } })
  }
  const settled = async () => (await log.settled(group, from))[0]
  const bounds = async () => (await log.describe(from))!.partitions[0]!
  const copied = async () => (await readAll(log, outputs)).map(({ key }) => String(key).slice('monday/'.length)).sort()
  return {
    ...{ log, start, settled, bounds, copied },
    fill: (...ids: string[]) =>
      write(
        from,
        ids.map((id) => [`monday/${id}`, { id }]),
      ),
    /** Copies these and stops. */
    async copies(...ids: string[]) {
      const running = await start()
      await eventually('copies', 5000, async () => {
        const there = await copied()
        return ids.every((id) => there.includes(id)) || undefined
      })
      await running.stop()
    },
    /** As another process would. */
    async decide(more: Partial<Decision> = {}) {
      const info = await log.describe(from)
      const decision = {
        ...{ kind: 'reset', stream: 's', stage: 'copy', partition: 0, position: -1, topic_id: info!.id },
        ...{ settled: (await settled())?.position ?? null, to: (await bounds()).first },
        ...{ reason: 'by hand', decided_at: 1, ...more },
      }
      await write(named.topic(decided), [[decided.key(decision), decision]])
    },
    /** The sentence with which it stops, having moved nothing. */
    async refusal() {
      const before = await settled()
      const running = await start()
      const failure = await Promise.race([running.failed.catch((error: Error) => error), pause(2000)])
      await running.stop()
      expect(await settled()).toEqual(before)
      if (!(failure instanceof Fatal)) throw new Error('it went on')
      return failure.message
    },
  }
}

const command = 'gainstream offsets reset copy --stream s --to-earliest --execute'

/** Two are settled, one behind a slow one; the slow one is deleted. */
const trimmed = async () => {
  const all = await copying()
  await all.fill('a', 'slow', 'b')
  await all.copies('a', 'b')
  const { position } = (await readAll(all.log, inputs)).find(({ key }) => String(key) === 'monday/b')!
  all.log.trim(from, 0, position)
  await all.fill('c')
  return all
}

const anew = async () => {
  const all = await copying()
  await all.fill('a', 'b')
  await all.copies('a', 'b')
  await all.log.remove({ topics: [from], groups: [] })
  await all.log.apply([{ name: from, partitions: 1, retention: inputs.retention, compact: false, maxBytes: 1_000_000 }])
  await all.fill('c', 'd')
  return all
}

const lost = async (seed?: number) => {
  const all = await copying(seed)
  await all.fill('a', 'b')
  await all.copies('a', 'b')
  await all.log.remove({ topics: [], groups: [group] })
  await all.fill('c')
  return all
}

test('a stage whose input was trimmed goes on with what is kept once that was decided, and repeats nothing settled ahead', async () => {
  const all = await trimmed()
  expect(await all.refusal()).toContain(command)
  await all.decide()
  await all.copies('c')
  expect(await all.copied()).toEqual(['a', 'b', 'c'])
})

test('a stage whose topic was made anew works on the new one once that was decided', async () => {
  const all = await anew()
  expect(await all.refusal()).toContain(command)
  await all.decide()
  await all.copies('c', 'd')
  expect(await all.copied()).toEqual(['a', 'b', 'c', 'd'])
})

test('a stage whose position got lost starts over, or passes over all that is there, as was decided', async () => {
  const [over, past] = [await lost(), await lost()]
  expect(await over.refusal()).toContain(command)
  await over.decide()
  await over.copies('c')
  expect(await over.copied()).toEqual(['a', 'a', 'b', 'b', 'c'])
  await past.decide({ to: (await past.bounds()).end })
  await past.fill('d')
  await past.copies('d')
  expect(await past.copied()).toEqual(['a', 'b', 'd'])
})

test('what was decided counts once: the same misfortune once more stops the stage again', async () => {
  const all = await lost()
  await all.decide({ to: (await all.bounds()).end })
  await all.fill('d')
  await all.copies('d')
  await all.log.remove({ topics: [], groups: [group] })
  expect(await all.refusal()).toMatch(/no settled position/)
})

test.for<[string, () => ReturnType<typeof copying>, Partial<Decision>[]]>([
  ['trimmed input', () => trimmed(), [{ settled: 99 }, { settled: null }, { to: 0 }]],
  ['a topic made anew', () => anew(), [{ topic_id: 'another' }]],
  ['a lost position', () => lost(), [{ settled: 0 }]],
])('%s: a decision for something else changes nothing', async ([, make, others]) => {
  const all = await make()
  const elsewhere = [{ topic_id: 'x' }, { stage: 'paste' }, { partition: 1 }, { stream: 't' }, { kind: 'give up' }]
  for (const other of [...others, ...elsewhere]) {
    await all.decide(other)
    expect(await all.refusal(), JSON.stringify(other)).toContain(command)
  }
})

test('it counts once, too, where the log does not say whether its commits landed, and they land late or never', async () => {
  let struck = 0
  for (let seed = 1; seed <= 8; seed++) {
    const all = await lost(seed)
    await all.decide()
    all.log.misbehave({ unknownLanded: 0.3, unknownVanished: 0.3, unknownPending: 0.3, gaps: 0.3 })
    await all.copies('c')
    all.log.misbehave({})
    expect(await all.copied(), `seed ${seed}`).toEqual(['a', 'a', 'b', 'b', 'c'])
    expect(all.log.complaints).toEqual([])
    expect(await readAll(all.log, decided)).toMatchObject([{}, { value: null }])
    struck += all.log.struck.unknownLanded + all.log.struck.unknownVanished + all.log.struck.unknownPending
  }
  expect(struck).toBeGreaterThan(8)
})

test('a stage that goes on by itself heeds no decision', async () => {
  const all = await copying()
  await all.fill('a', 'b')
  await all.copies('a', 'b')
  await all.decide({ to: 0 })
  await all.fill('c')
  await all.copies('c')
  expect(await all.copied()).toEqual(['a', 'b', 'c'])
})

const found = (more: Partial<Found> = {}): Found => ({
  ...{ stream: 's', stage: 'copy', claim: { topic: 't', partition: 0 }, started: true, settled: undefined },
  info: { id: 'x', partitions: [{ first: 8, end: 50 }] },
  ...more,
})

test('a replay is moved within the stretch that it reads', () => {
  const within = (from: number, until: number) => {
    const each = found({ input: { from: [from], until: [until] } })
    return [targetOf(each, 'earliest'), targetOf(each, 'latest')]
  }
  expect([targetOf(found(), 'earliest'), targetOf(found(), 'latest')]).toEqual([8, 50])
  expect(within(10, 20)).toEqual([10, 20])
  expect(within(5, 20)).toEqual([8, 20])
  expect(within(5, 99)).toEqual([8, 50])
  expect(within(2, 6)).toEqual([6, 6])
})

test('where more was deleted since, a decision does not count', () => {
  const at = { position: 3, note: writeNote(3, { topicId: 'x', ahead: [] }) }
  const [then, now] = [
    found({ settled: at }),
    found({ settled: at, info: { id: 'x', partitions: [{ first: 9, end: 50 }] } }),
  ]
  const decision = resetOf(then, 8, '', 0)
  expect([fits(decision, then), fits(decision, now)]).toEqual([true, false])
})

test('a position that was set by hand can be decided on, too', () => {
  const set = found({ settled: { position: 20, note: '' } })
  expect(() => resumed(set)).toThrow(Stopped)
  expect(fits(resetOf(set, 50, '', 0), set)).toBe(true)
  expect(fits(resetOf(set, 50, '', 0), found())).toBe(false)
})
