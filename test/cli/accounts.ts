/** What the account of a run must say, whatever the engine. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { retry, valueOf } from '../../cli/rejects.ts'
import { openRun, runEntry } from '../../cli/runs.ts'
import { passages, queries } from '../../topics/index.ts'
import type { Asked, TestStream } from './stream.ts'

const kept: Asked = { id: 'kept' }
const filtered: Asked = { id: 'filtered', question: 'hard?' }
const rejected: Asked = { id: 'rejected', question: 'broken?' }
const hopeless: Asked = { id: 'hopeless', answers: [] }

const counts = (outcomes: Readonly<Record<string, number>>, rejects = 0) => ({ outcomes, rejected: rejects })
/** Totals and recount say the same, and this. */
const both = (...of: Parameters<typeof counts>) => ({ totals: counts(...of), recount: counts(...of) })

/** @param open a stream of its own for each test */
export const accounts = (open: () => Promise<TestStream>): void => {
  let stream: TestStream
  beforeEach(async () => {
    stream = await open()
  })
  afterEach(() => stream.close())

  const keysIn = async (topic: Parameters<TestStream['world']['names']['topic']>[0]) => {
    const keys: string[] = []
    for await (const { key } of stream.world.log.read(stream.world.names.topic(topic))) keys.push(String(key))
    return keys.sort()
  }

  describe('the account of a run', () => {
    test('counts each query once: kept, filtered or rejected', async () => {
      const entry = await stream.enter('q.jsonl', [kept, filtered, rejected, hopeless, { id: 'kept too' }])
      await stream.work()
      expect(await stream.figures(entry)).toEqual({
        ...both({ kept: 2, filtered: 1 }, 2),
        ...{ done: 5, complete: true },
      })
    })

    test('of answers counts graded and ungraded ones', async () => {
      const entry = await stream.enter('q.jsonl', [kept, filtered, hopeless], 'asked', 'answering')
      await stream.work('answering')
      expect(await stream.figures(entry)).toEqual({ ...both({ graded: 2, ungraded: 1 }), done: 3, complete: true })
    })

    test('of a corpus counts passages indexed and rejected', async () => {
      const entry = await stream.passages('c.jsonl', [{ text: 'one' }, { text: 'two' }], 'corpus')
      await stream.produce(passages.message({ id: 'blank', title: '', text: ' ' }, { run: 'corpus' }))
      await stream.work('indexing')
      expect(await stream.figures(entry)).toEqual({ ...both({ indexed: 2 }, 1), done: 3, complete: true })
    })

    test('keeps two runs of one stream apart, also where ids are the same', async () => {
      const [one, two] = [
        await stream.enter('1.jsonl', [kept, rejected]),
        await stream.enter('2.jsonl', [kept, filtered]),
      ]
      await stream.work()
      expect(await stream.figures(one)).toMatchObject(both({ kept: 1 }, 1))
      expect(await stream.figures(two)).toMatchObject(both({ kept: 1, filtered: 1 }))
    })

    test('is the same when the work was done in several sittings', async () => {
      const entry = await stream.enter('q.jsonl', [kept, filtered, rejected])
      await stream.work()
      await stream.work()
      const more = await stream.enter('more.jsonl', [{ id: 'later' }])
      await stream.work()
      expect(await stream.figures(entry)).toMatchObject(both({ kept: 1, filtered: 1 }, 1))
      expect(await stream.figures(more)).toMatchObject(both({ kept: 1 }))
    })
  })

  describe('a retried reject', () => {
    test('takes its outcome back and gets another', async () => {
      const entry = await stream.enter('q.jsonl', [kept, rejected, hopeless])
      await stream.work()
      expect(await stream.figures(entry)).toMatchObject({ ...both({ kept: 1 }, 2), complete: true })
      stream.mend()
      expect(await stream.retryAll()).toBe(2)
      await stream.work()
      expect(await stream.figures(entry)).toEqual({ ...both({ kept: 2 }, 1), done: 3, complete: true })
      expect((await stream.open()).map(({ key, stage }) => [key, stage])).toEqual([[`${entry.run}/hopeless`, 'label']])
    })

    test('takes it back at the last stage, too', async () => {
      const entry = await stream.enter('q.jsonl', [kept, { id: 'last', question: 'unspeakable?' }])
      await stream.work()
      expect((await stream.open()).map(({ stage }) => stage)).toEqual(['distil'])
      stream.mend()
      await stream.retryAll()
      await stream.work()
      expect(await stream.figures(entry)).toEqual({ ...both({ kept: 2 }), done: 2, complete: true })
    })

    test('that is rejected again counts once, however often', async () => {
      const entry = await stream.enter('q.jsonl', [kept, rejected])
      await stream.work()
      for (let time = 0; time < 3; time++) {
        expect(await stream.retryAll()).toBe(1)
        await stream.work()
        expect(await stream.figures(entry)).toEqual({ ...both({ kept: 1 }, 1), done: 2, complete: true })
      }
      stream.mend()
      await stream.retryAll()
      await stream.work()
      expect(await stream.figures(entry)).toMatchObject(both({ kept: 2 }))
    })

    test('goes back once, however often it is sent', async () => {
      const entry = await stream.enter('q.jsonl', [rejected])
      await stream.work()
      const [reject] = await stream.open()
      stream.mend()
      const sent = [
        await retry(stream.world, reject!, stream.signal),
        await retry(stream.world, reject!, stream.signal),
      ]
      expect(sent).toEqual([true, false])
      await stream.work()
      expect(await stream.figures(entry)).toMatchObject(both({ kept: 1 }))
    })

    test('keeps the record as it came: key, value and the headers that are its own', async () => {
      await stream.enter('q.jsonl', [rejected], 'r')
      await stream.work()
      const [before] = await stream.open()
      const value = await valueOf(stream.world, before!)
      await stream.retryAll()
      await stream.work()
      const [after] = await stream.open()
      expect(after).toMatchObject({ key: before!.key, reason: 'the scorer is broken' })
      expect(value?.length).toBeGreaterThan(100)
      expect(await valueOf(stream.world, after!)).toEqual(value)
      expect(after!.id).not.toBe(before!.id)
      expect(after!.origin.topic).toBe(before!.origin.topic)
    })
  })

  describe('a key that a foreign producer repeats', () => {
    test('is worked on again: totals count what came, the recount counts queries', async () => {
      const { run } = await openRun(stream.world, { run: 'foreign', topology: 'synthesis', source: '' }, stream.signal)
      const entry = { run, topology: 'synthesis', count: null }
      const ask = (asked: Asked) => stream.asked(run, asked)
      await stream.produce(ask(kept), ask(filtered), ask(kept), ask(kept))
      await stream.work()
      expect(await stream.figures(entry)).toMatchObject({
        totals: counts({ kept: 3, filtered: 1 }),
        recount: counts({ kept: 1, filtered: 1 }),
      })
    })

    test('counts by its latest outcome, be it a reject after an output or an output after a reject', async () => {
      const { run } = await openRun(stream.world, { run: 'foreign', topology: 'synthesis', source: '' }, stream.signal)
      const entry = { run, topology: 'synthesis', count: null }
      await stream.produce(stream.asked(run, kept), stream.asked(run, { ...rejected, id: 'turned' }))
      await stream.work()
      await stream.produce(
        stream.asked(run, { ...kept, question: 'broken by now?' }),
        stream.asked(run, { ...filtered, id: 'turned' }),
      )
      await stream.work()
      expect(await stream.figures(entry)).toMatchObject({
        totals: counts({ kept: 1, filtered: 1 }, 2),
        recount: counts({ filtered: 1 }, 1),
      })
    })
  })

  describe('a run', () => {
    test('that is open is never complete, and one that is closed is with its last outcome', async () => {
      const opening = { run: 'live', topology: 'synthesis', source: '' } as const
      const open = await openRun(stream.world, opening, stream.signal)
      expect(open).toMatchObject({ state: 'open', count: null })
      await stream.produce(stream.asked('live', kept))
      await stream.work()
      expect(await stream.figures(open)).toMatchObject({ ...both({ kept: 1 }), done: 1, complete: false })

      const closed = await stream.enter('q.jsonl', [kept, rejected], 'file')
      expect(closed).toMatchObject({ state: 'closed', count: 2 })
      expect(await stream.figures(closed)).toMatchObject({ ...both({}), done: 0, complete: false })
      await stream.work()
      expect(await stream.figures(closed)).toMatchObject({ done: 2, complete: true })
    })

    test('gets a file once, however often and under whatever path it is given', async () => {
      const asked = [kept, filtered, rejected]
      const first = await stream.enter('q.jsonl', asked, 'mine')
      await stream.work()
      expect(await stream.enter('q.jsonl', asked, 'mine')).toEqual(first)
      expect(await stream.enter('copy.jsonl', asked, 'mine')).toEqual(first)
      await stream.work()
      expect(await keysIn(queries)).toEqual(['mine/filtered', 'mine/kept', 'mine/rejected'])
      expect(await stream.figures(first)).toMatchObject(both({ kept: 1, filtered: 1 }, 1))
    })

    test('refuses another file, and another purpose, and stays as it was', async () => {
      const entry = await stream.enter('q.jsonl', [kept], 'mine')
      await expect(stream.enter('other.jsonl', [kept, filtered], 'mine')).rejects.toThrow(
        /^run mine was made from .*q\.jsonl .*: give other content another name with --run$/,
      )
      await expect(stream.enter('q.jsonl', [kept], 'mine', 'answering')).rejects.toThrow(
        'run mine of stream main is for synthesis: choose another name with --run',
      )
      await stream.work()
      expect(await keysIn(queries)).toEqual(['mine/kept'])
      expect(await runEntry(stream.world, 'mine')).toEqual(entry)
      expect(await stream.figures(entry)).toMatchObject({ ...both({ kept: 1 }), complete: true })
    })

    test('named after nothing is named after its file and content', async () => {
      const [one, two] = [await stream.enter('q.jsonl', [kept]), await stream.enter('q.jsonl', [filtered])]
      expect(one.run).toMatch(/^q-[0-9a-f]{8}$/)
      expect(two.run).not.toBe(one.run)
    })
  })
}
