import { describe, expect, test } from 'vitest'
import { Fatal, Rejected, Unavailable } from '../../runtime/errors.ts'
import { handle, type Handling } from '../../runtime/handle.ts'
import { unobserved, type Origin, type Span } from '../../runtime/observe.ts'
import { bulk } from '../../runtime/policy.ts'
import { processor, type ProcessorOptions } from '../../runtime/processor.ts'
import type { Message } from '../../runtime/topic.ts'
import { codec, control, inputs, named, never, outputs, rejects, stored, type Thing } from './records.ts'

const policy = bulk({ retry: { attempts: 3, from: 0, to: 1 }, timeout: 5000 })
type Changes = Partial<ProcessorOptions<Thing, object>>

const copying = (changes: Changes = {}): Handling<Thing, object> => ({
  processor: processor<Thing, object>({
    ...{ name: 'copy', from: inputs, to: [outputs, control], policy },
    step: async (value) => [outputs.message(value)],
    ...changes,
  }),
  ...{ ports: {}, names: named, codec, rejects, observe: unobserved, now: () => 99, policy, endpoints: [] },
})

const handled = (record = stored(), changes: Changes = {}) => handle(record, copying(changes), never)

/** The only record of a result. */
const only = async (result: ReturnType<typeof handled>) => {
  const { records, tallies } = await result
  expect(records).toHaveLength(1)
  return { ...records[0]!, tallies }
}

describe('what a record leaves behind', () => {
  test('its output stands in the partition of the input, with run, stage and attempt', async () => {
    const record = stored({ headers: { run: 'monday', colour: 'red', traceparent: 'from above' } })
    expect(await only(handled(record))).toEqual({
      ...{ topic: 'p.s.outputs', partition: 3, timestamp: 99 },
      ...{ key: Buffer.from('monday/a'), value: Buffer.from('{"id":"a"}') },
      headers: { run: 'monday', stage: 'copy', attempt: '1', traceparent: 'from above' },
      tallies: [{ run: 'monday', id: 'a', outcome: 'done' }],
    })
  })

  test('the traceparent is that of the span around its step', async () => {
    const spans: unknown[] = []
    const observe = {
      ...unobserved,
      tracer: {
        ...unobserved.tracer,
        span: <T>(name: string, { traceparent }: Origin, work: (span: Span) => Promise<T>) => {
          spans.push([name, traceparent])
          return work({ traceparent: 'own', say: () => {}, fail: () => {} })
        },
      },
    }
    const record = stored({ headers: { traceparent: 'from above' } })
    const { records } = await handle(record, { ...copying(), observe }, never)
    expect(spans).toEqual([['copy', 'from above']])
    expect(records[0]!.headers).toEqual({ stage: 'copy', attempt: '1', traceparent: 'own' })
  })

  test('the attempt is the one that succeeded, and what a message says itself comes last', async () => {
    const step: Changes['step'] = async (value, _ports, _signal, { number }) => {
      if (number < 3) throw new TypeError('a bug')
      return [outputs.message(value, { stage: 'mine', more: 'yes' })]
    }
    const { headers } = await only(handled(stored(), { step }))
    expect(headers).toEqual({ stage: 'mine', attempt: '3', more: 'yes' })
  })

  test('a message to a control topic stands in its only partition, and one without a value deletes', async () => {
    const gone: Message = { topic: control, key: 'k', value: null, headers: {} }
    const output = await only(handled(stored(), { step: async () => [gone] }))
    expect(output).toMatchObject({ topic: 'p.control', partition: 0, key: Buffer.from('k'), value: null })
  })

  test('the tally is taken of the value and its outputs', async () => {
    const tally: Changes['tally'] = ({ id }, { length }) => ({ outcome: `${id} made ${length}`, sums: { length } })
    const { tallies } = await handled(stored(), { tally })
    expect(tallies).toEqual([{ run: 'monday', id: 'a', outcome: 'a made 1', sums: { length: 1 } }])
  })

  test.each([
    ['the first part of the key', 'monday/nq/12', {}, { run: 'monday', id: 'nq/12' }],
    ['a header that the key repeats', 'monday/a', { run: 'monday' }, { run: 'monday', id: 'a' }],
    ['a header', 'wiki/12', { run: 'corpus' }, { run: 'corpus', id: 'wiki/12' }],
    ['nobody', 'a', {}, { run: '', id: 'a' }],
    ['a header, of a record without a key', null, { run: 'corpus' }, { run: 'corpus', id: '' }],
  ])('its run is named by %s', async (_what, key, headers, expected) => {
    const { tallies } = await handled(stored({ key: key === null ? null : Buffer.from(key), headers }))
    expect(tallies).toEqual([{ ...expected, outcome: 'done' }])
  })

  test('a record without a value is forgotten by its key, where the processor knows how', async () => {
    const keys: string[] = []
    const forget: Changes['forget'] = async (key) => {
      keys.push(key)
      return []
    }
    const { records, tallies } = await handled(stored({ value: null }), { forget })
    expect({ keys, records, tallies }).toEqual({
      ...{ keys: ['monday/a'], records: [] },
      tallies: [{ run: 'monday', id: 'a', outcome: 'forgotten' }],
    })
  })
})

describe('dead letters', () => {
  const noUtf8 = Buffer.from([0xff, 0xfe, 0, 0x80])
  const headers = { run: 'monday', colour: 'rosé', traceparent: 'from above' }

  test('keep key, value and headers as they were, and say in further headers where they are from and why', async () => {
    const letter = await only(handled(stored({ key: noUtf8, value: noUtf8, headers })))
    expect(letter).toMatchObject({ topic: 'p.s.rejects', partition: 3, key: noUtf8, value: noUtf8, timestamp: 99 })
    expect(letter.headers).toEqual({
      ...headers,
      ...{ 'reject.topic': 'p.s.inputs', 'reject.partition': '3', 'reject.position': '42', 'reject.timestamp': '7' },
      ...{ 'reject.stage': 'copy', 'reject.kind': 'rejected', 'reject.attempts': '1' },
      'reject.reason': 'these bytes are no JSON',
    })
    expect(letter.tallies).toMatchObject([{ run: 'monday', outcome: 'rejected', reason: 'rejected' }])
  })

  test('without a key or a value they stay without', async () => {
    const letter = await only(handled(stored({ key: null, value: null })))
    expect(letter).toMatchObject({ key: null, value: null })
    expect(letter.headers['reject.reason']).toBe('copy was handed a record without a value')
  })

  test('a bug is tried as often as the policy says; its reason is cut to what a header can carry', async () => {
    const step = async () => {
      throw new TypeError('x'.repeat(5000))
    }
    const { headers, tallies } = await only(handled(stored(), { step }))
    expect(headers).toMatchObject({ 'reject.kind': 'failed', 'reject.attempts': '3' })
    expect(headers['reject.reason']).toBe('x'.repeat(2000))
    expect(tallies).toEqual([{ run: 'monday', id: 'a', outcome: 'rejected', reason: 'failed' }])
  })

  test.each<[string, Changes, RegExp]>([
    [
      'larger than its topic allows',
      { step: async ({ id }) => [outputs.message({ id, text: 'x'.repeat(200) })] },
      /220 bytes, more than the 100 allowed there/,
    ],
    [
      'that fits no schema',
      { step: async () => [{ ...outputs.message({ id: 'a' }), value: undefined }] },
      /does not fit/,
    ],
    [
      'that cannot be counted',
      {
        tally: () => {
          throw new TypeError('a bug in counting')
        },
      },
      /a bug in counting/,
    ],
  ])(
    'an output %s makes a reject of the record itself, and none of its outputs is written',
    async (_what, changes, reason) => {
      const small = outputs.message({ id: 'small' })
      const step: Changes['step'] = async (...given) => [small, ...(await (changes.step ?? (async () => []))(...given))]
      const letter = await only(handled(stored(), { ...changes, step }))
      expect(letter).toMatchObject({ topic: 'p.s.rejects', value: stored().value })
      expect(letter.headers).toMatchObject({ 'reject.kind': 'unwritable', 'reject.attempts': '1' })
      expect(letter.headers['reject.reason']).toMatch(reason)
      expect(letter.tallies).toEqual([{ run: 'monday', id: 'a', outcome: 'rejected', reason: 'unwritable' }])
    },
  )

  test('an output as large as its topic allows is written', async () => {
    const text = 'x'.repeat(100 - '{"id":"a","text":""}'.length)
    const output = await only(handled(stored(), { step: async ({ id }) => [outputs.message({ id, text })] }))
    expect(output).toMatchObject({ topic: 'p.s.outputs' })
    expect(output.value).toHaveLength(100)
  })
})

describe('a record that was sent back', () => {
  const again = stored({ headers: { supersedes: '3/1', 'supersedes.kind': 'failed', 'supersedes.stage': 'copy' } })
  const takenBack = [
    { run: 'monday', id: 'a', outcome: 'rejected', reason: 'failed', times: -1 },
    { run: 'monday', id: 'a', outcome: 'retried' },
  ]

  test('takes its earlier outcome back together with the one that it gets', async () => {
    const { records, tallies } = await handled(again)
    expect(tallies).toEqual([...takenBack, { run: 'monday', id: 'a', outcome: 'done' }])
    expect(records[0]!.headers).toEqual({ stage: 'copy', attempt: '1' })
  })

  test('and is rejected once more, takes it back all the same, and its letter says what it superseded', async () => {
    const step = async () => {
      throw new Rejected('still no good')
    }
    const { tallies, headers } = await only(handled(again, { step }))
    expect(tallies).toEqual([...takenBack, { run: 'monday', id: 'a', outcome: 'rejected', reason: 'rejected' }])
    expect(headers).toMatchObject({ supersedes: '3/1', 'supersedes.kind': 'failed', 'reject.kind': 'rejected' })
  })

  test('to another stage that reads the same topic is passed over: no step, no output, no count', async () => {
    let steps = 0
    const step: Changes['step'] = async () => {
      steps++
      return []
    }
    expect(await handled(again, { name: 'other', step })).toEqual({ records: [], tallies: [] })
    expect(steps).toBe(0)
  })
})

describe('what leaves a record unsettled', () => {
  test('a failure that would do harm is passed on', async () => {
    const step = async () => Promise.reject(new Fatal('wrong configuration'))
    await expect(handled(stored(), { step })).rejects.toThrow(new Fatal('wrong configuration'))
  })

  test('a stop while the world is away passes its reason on, and makes no reject', async () => {
    const stop = new AbortController()
    const step = async () => {
      stop.abort(new Error('draining'))
      throw new Unavailable('no server')
    }
    await expect(handle(stored(), copying({ step }), stop.signal)).rejects.toThrow('draining')
  })
})
