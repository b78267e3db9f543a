import { describe, expect, test } from 'vitest'
import { Fatal, Unavailable } from '../../runtime/errors.ts'
import type { Batch, Log, Outcome, Seat } from '../../runtime/log.ts'
import { partitionOf } from '../../runtime/partition.ts'
import { enter, type Item, type SourceOptions } from '../../runtime/source.ts'
import { codec, control, inputs, logOf, named, never, outputs, readAll } from './records.ts'

const options = (log: Log, more: Partial<SourceOptions> = {}): SourceOptions => ({
  ...{ log, codec, names: named, partitions: 2, name: 'file', origin: 'a file', now: () => 99, signal: never },
  ...{ batch: { records: 4, bytes: 1_000_000 } },
  ...more,
})

/** Ten lines after `from`; the one at `breaks` cannot be read. */
const lines = (breaks = Infinity) =>
  function* (from: number): Generator<Item> {
    for (let position = from + 1; position <= 10; position++) {
      if (position === breaks) throw new Error(`line ${position} is broken`)
      yield { message: inputs.message({ id: `${position}` }, { run: 'monday' }), position }
    }
  }

const closing = (count: number) => [control.message({ id: `closed with ${count}` })]

/** A log with what is settled in it, and seats that answer as told: `undefined` lets the log answer. */
const watched = async (answer: (batch: Batch, seat: Seat) => Promise<Outcome | undefined> = async () => undefined) => {
  const log = await logOf([inputs, outputs, control])
  const batches: Batch[] = []
  const counts = { opened: 0, closed: 0 }
  const source: Log['source'] = (group, name) => {
    const seat = log.source(group, name)
    return {
      async open(signal) {
        counts.opened++
        return seat.open(signal)
      },
      async settle(batch) {
        batches.push(batch)
        return (await answer(batch, seat)) ?? seat.settle(batch)
      },
      async close() {
        counts.closed++
        await seat.close()
      },
    }
  }
  return { log: { ...log, source } as Log, batches, counts }
}

const entered = async (log: Log) =>
  (await readAll(log, inputs)).map(({ key }) => Number(key!.toString().split('/')[1])).sort((a, b) => a - b)
const ten = Array.from({ length: 10 }, (_, n) => n + 1)

describe('a source', () => {
  test('enters each record once, in batches, and what comes last in the transaction of the last batch', async () => {
    const { log, batches, counts } = await watched()
    expect(await enter(options(log), lines(), closing)).toEqual({ position: 10, entered: 10 })
    expect(await entered(log)).toEqual(ten)
    expect(batches.map(({ records, settled }) => [records.length, settled.position])).toEqual([
      [4, 4],
      [4, 8],
      [3, 10],
    ])
    expect(batches[2]!.records.at(-1)).toMatchObject({ topic: 'p.control', partition: 0 })
    expect(counts).toEqual({ opened: 1, closed: 1 })
  })

  test('given twice adds nothing twice, and ends it only once', async () => {
    const { log, batches } = await watched()
    await enter(options(log), lines(), closing)
    const asked: number[] = []
    const again = (from: number) => {
      asked.push(from)
      return lines()(from)
    }
    expect(await enter(options(log), again, closing)).toEqual({ position: 10, entered: 0 })
    expect(asked).toEqual([10])
    expect(batches).toHaveLength(3)
    expect(await readAll(log, control)).toHaveLength(1)
  })

  test.each([1, 4, 5, 8, 9, 10])('broken off at line %i it goes on from its last batch', async (at) => {
    const { log } = await watched()
    await expect(enter(options(log), lines(at), closing)).rejects.toThrow(`line ${at} is broken`)
    const before = Math.floor((at - 2) / 4) * 4
    expect(await entered(log)).toEqual(ten.slice(0, Math.max(0, before)))
    expect(await readAll(log, control)).toEqual([])
    expect(await enter(options(log), lines(), closing)).toMatchObject({
      position: 10,
      entered: 10 - Math.max(0, before),
    })
    expect(await entered(log)).toEqual(ten)
    expect((await readAll(log, control)).map(({ key }) => key!.toString())).toEqual(['monday/closed with 10'])
  })

  test('stopped by its signal it keeps what it had settled, and gives its seat back', async () => {
    const { log, counts } = await watched()
    const stop = new AbortController()
    const onProgress = (position: number) => {
      if (position === 4) stop.abort(new Error('Ctrl-C'))
    }
    await expect(enter(options(log, { signal: stop.signal, onProgress }), lines())).rejects.toThrow('Ctrl-C')
    expect(await entered(log)).toEqual(ten.slice(0, 4))
    expect(counts.closed).toBe(1)
  })

  test('of which some lines make no record is told from where in itself to go on', async () => {
    const { log } = await watched()
    const odd = (breaks?: number) =>
      function* (from: number) {
        for (const line of lines(breaks)(from)) if (line.position % 2 === 1) yield line
      }
    await expect(enter(options(log), odd(10))).rejects.toThrow('line 10 is broken')
    expect(await entered(log)).toEqual([1, 3, 5, 7])
    expect(await enter(options(log), odd())).toEqual({ position: 9, entered: 1 })
    expect(await entered(log)).toEqual([1, 3, 5, 7, 9])
  })

  test('without a record settles nothing', async () => {
    const { log, batches } = await watched()
    expect(await enter(options(log), () => [], closing)).toEqual({ position: 0, entered: 0 })
    expect(batches).toEqual([])
  })

  test('another source of the same stream has a position of its own', async () => {
    const { log } = await watched()
    await enter(options(log), lines())
    expect(await enter(options(log, { name: 'another' }), lines())).toEqual({ position: 10, entered: 10 })
    expect(await entered(log)).toHaveLength(20)
  })

  test('a batch ends with the record that makes it too large', async () => {
    const { log, batches } = await watched()
    await enter(options(log, { batch: { records: 100, bytes: 25 } }), lines())
    expect(batches.map(({ records }) => records.length)).toEqual([3, 3, 3, 1])
  })

  test('says how far it is after each batch', async () => {
    const { log } = await watched()
    const steps: number[] = []
    await enter(options(log, { onProgress: (position) => void steps.push(position) }), lines())
    expect(steps).toEqual([4, 8, 10])
  })
})

describe('a record that enters', () => {
  const one = async (item: Partial<Item>) => {
    const { log, batches } = await watched()
    const whole = { message: inputs.message({ id: '1' }, { run: 'monday' }), position: 1, ...item }
    await enter(options(log, { origin: 'Käse/日本.jsonl' }), (from) => (from === 0 ? [whole] : []))
    return batches[0]!
  }

  test('carries its headers and stands in the partition of its key; the note says where it came from', async () => {
    const { records, settled } = await one({})
    expect(records).toEqual([
      {
        ...{ topic: 'p.s.inputs', partition: partitionOf('monday/1', 2), timestamp: 99 },
        ...{ key: Buffer.from('monday/1'), value: Buffer.from('{"id":"1"}'), headers: { run: 'monday' } },
      },
    ])
    expect(decodeURI(settled.note)).toBe('Käse/日本.jsonl')
    expect(settled.note).toMatch(/^[ -~]*$/)
  })

  test.each([0, 1])('stands in partition %i where it is told so', async (partition) => {
    expect((await one({ partition })).records[0]!.partition).toBe(partition)
  })

  test('without a value deletes, and to a control topic has only one place to go', async () => {
    const message = { topic: control, key: 'k', value: null, headers: {} }
    expect((await one({ message, partition: 1 })).records[0]).toMatchObject({ value: null, partition: 0 })
  })
})

describe('an importer whose log is troubled', () => {
  const unknown: Outcome = { kind: 'unknown', cause: new Error('nobody heard') }

  test('waits while the log is away', async () => {
    const { log } = await watched()
    let away = 2
    const source: Log['source'] = (group, name) => {
      const seat = log.source(group, name)
      const open: Seat['open'] = async (signal) => {
        if (away-- > 0) throw new Unavailable('the log is away')
        return seat.open(signal)
      }
      return { open, settle: (batch) => seat.settle(batch), close: () => seat.close() }
    }
    expect(await enter(options({ ...log, source }), lines())).toMatchObject({ entered: 10 })
  })

  test('does not repeat a batch that landed though nobody heard', async () => {
    let times = 0
    const { log, batches } = await watched(async (batch, seat) => {
      if (times++ > 0) return undefined
      await seat.settle(batch)
      return unknown
    })
    expect(await enter(options(log), lines(), closing)).toEqual({ position: 10, entered: 10 })
    expect(batches).toHaveLength(3)
    expect(await entered(log)).toEqual(ten)
  })

  test('repeats a batch that did not land', async () => {
    let times = 0
    const { log, batches } = await watched(async () => (times++ < 2 ? unknown : undefined))
    expect(await enter(options(log), lines(), closing)).toEqual({ position: 10, entered: 10 })
    expect(batches).toHaveLength(5)
    expect(await entered(log)).toEqual(ten)
  })

  test.each<[string, Outcome, RegExp]>([
    ['that another process took over', { kind: 'fenced' }, /another process is importing file/],
    ['that refuses a record', { kind: 'refused', cause: new Error('too large') }, /refuses records of file: too large/],
  ])('stops with a sentence on a seat %s', async (_what, outcome, sentence) => {
    const { log, counts } = await watched(async () => outcome)
    const stopped = enter(options(log), lines())
    await expect(stopped).rejects.toThrow(sentence)
    await expect(stopped).rejects.toBeInstanceOf(Fatal)
    expect(counts.closed).toBe(1)
    expect(await entered(log)).toEqual([])
  })
})
