import { afterEach, describe, expect, test } from 'vitest'
import { readTraceparent, writeTraceparent } from '../../../adapters/observe/traceparent.ts'
import { otlpTraces, type TracesOptions } from '../../../adapters/observe/tracer.ts'
import { unobserved, type Tracer } from '../../../runtime/observe.ts'
import { collector, type Collector } from './collector.ts'

const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const parent = '00f067aa0ba902b7'
const sampled = `00-${trace}-${parent}-01`
const unsampled = `00-${trace}-${parent}-00`

describe('a traceparent', () => {
  test('says which trace and span it continues, and whether somebody keeps it', () => {
    expect(readTraceparent(sampled)).toEqual({ traceId: trace, spanId: parent, traceFlags: 1, isRemote: true })
    expect(readTraceparent(unsampled)).toMatchObject({ traceFlags: 0 })
    expect(readTraceparent(`00-${trace}-${parent}-03`)).toMatchObject({ traceFlags: 1 })
    expect(writeTraceparent(readTraceparent(sampled)!)).toBe(sampled)
  })

  test('of a version to come is read as far as it is known', () => {
    expect(readTraceparent(`cc-${trace}-${parent}-01-what-will-be`)).toMatchObject({ traceId: trace })
  })

  test.each([
    undefined,
    '',
    'from above',
    `00-${trace.toUpperCase()}-${parent}-01`,
    `00-${trace}-${parent}-01-more`,
    `00-${trace}-${parent}-1`,
    `00-${trace}-${parent}`,
    `ff-${trace}-${parent}-01`,
    `00-${'0'.repeat(32)}-${parent}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    ` ${sampled}`,
    `${sampled}\n`,
  ])('that is %j is none', (header) => expect(readTraceparent(header)).toBeUndefined())
})

const opened: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of opened.splice(0)) await close()
})

const tracing = async (changes: Partial<TracesOptions> = {}, answer: Parameters<typeof collector>[0] = 200) => {
  const there = await collector(answer)
  opened.push(there.close)
  const { logger } = unobserved
  const traces = otlpTraces({ url: there.url, sample: 1, logger, version: '1', timeout: 500, ...changes })
  return { there, tracer: traces.of('main'), close: () => traces.close() }
}

const nothing = async () => {}
const named = ({ spans }: Collector, name: string) => spans.filter((span) => span.name === name)

describe('spans', () => {
  test('are sent to the path of the protocol, with what was said of them', async () => {
    const { there, tracer, close } = await tracing()
    await tracer.span('label', {}, async (span) => {
      span.say(() => ({ 'gainstream.run': 'monday', 'gainstream.attempts': 2, 'gainstream.nothing': undefined }))
      span.fail('poison')
    })
    await close()
    expect(there.paths).toEqual(['/v1/traces'])
    expect(there.spans).toMatchObject([{ name: 'label', parent: undefined, failed: 'poison' }])
    expect(there.spans[0]?.attributes).toEqual({ stream: 'main', run: 'monday', attempts: 2 })
  })

  test('continue what a foreign producer began, and hand on their own place', async () => {
    const { there, tracer, close } = await tracing()
    const own = await tracer.span('label', { traceparent: sampled }, async ({ traceparent }) => traceparent)
    await close()
    expect(there.spans).toMatchObject([{ trace, parent }])
    expect(own).toBe(`00-${trace}-${there.spans[0]?.id}-01`)
  })

  test('begin anew where what came is no traceparent', async () => {
    const { there, tracer, close } = await tracing()
    await tracer.span('label', { traceparent: `00-${trace}-${parent}-01-more` }, nothing)
    await close()
    expect(there.spans).toMatchObject([{ parent: undefined }])
    expect(there.spans[0]?.trace).not.toBe(trace)
  })

  test('are parts of the one in whose work they are, also where several are under way', async () => {
    const { there, tracer, close } = await tracing()
    const work = (name: string) =>
      tracer.span(name, {}, async () => {
        await new Promise((resolve) => setTimeout(resolve, 5))
        await tracer.part(`${name} calls`, nothing)
      })
    await Promise.all([work('a'), work('b'), tracer.part('of nothing', nothing)])
    await close()
    for (const name of ['a', 'b']) {
      const [whole] = named(there, name)
      expect(named(there, `${name} calls`)).toMatchObject([{ parent: whole?.id, trace: whole?.trace }])
    }
    expect(there.spans).toHaveLength(4)
  })

  test('that throw have failed by the name of the error, without what it says', async () => {
    const { there, tracer, close } = await tracing()
    const work = tracer.span('label', {}, () => Promise.reject(new TypeError('the question was "who?"')))
    await expect(work).rejects.toThrow('who?')
    await close()
    expect(there.spans).toMatchObject([{ failed: 'TypeError' }])
  })
})

describe('what is kept', () => {
  test('is what the parent keeps, whatever the share', async () => {
    const none = await tracing({ sample: 0 })
    await none.tracer.span('kept', { traceparent: sampled }, nothing)
    await none.tracer.span('begun here', {}, nothing)
    await none.close()
    expect(none.there.spans.map(({ name }) => name)).toEqual(['kept'])
    const all = await tracing()
    await all.tracer.span('dropped', { traceparent: unsampled }, async (span) => {
      expect(span.traceparent).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-00$`))
      span.say(() => expect.fail('asked for what nobody sees'))
    })
    await all.close()
    expect(all.there.spans).toEqual([])
  })

  test('is the share of what begins here', async () => {
    const { there, tracer, close } = await tracing({ sample: 0.25 })
    for (let n = 0; n < 1000; n++) tracer.mark('ingest', {})
    await close()
    expect(there.spans.length).toBeGreaterThan(180)
    expect(there.spans.length).toBeLessThan(330)
  })

  test('is a commit of something that is kept, with links to it, and no other', async () => {
    const { there, tracer, close } = await tracing()
    const commit = (...links: string[]) => tracer.span('commit', { links: () => links }, nothing)
    await commit(unsampled, sampled)
    await commit(unsampled)
    await commit()
    await close()
    expect(there.spans).toMatchObject([{ name: 'commit', links: [parent, parent] }])
  })
})

describe('a collector', () => {
  const losing = () => {
    const warnings: [unknown, string][] = []
    const logger = { ...unobserved.logger, warn: (fields: unknown, text: string) => void warnings.push([fields, text]) }
    return { warnings, logger }
  }
  const works = async (tracer: Tracer) => {
    for (let n = 0; n < 10; n++) expect(await tracer.span('label', {}, async () => n)).toBe(n)
  }

  test('that refuses costs a line in the log, and no work', async () => {
    const { warnings, logger } = losing()
    const { there, tracer, close } = await tracing({ logger }, 400)
    await works(tracer)
    await close()
    const host = new URL(there.url).host
    expect(warnings).toMatchObject([[{ collector: host, spans: 10 }, 'traces are not taken']])
  })

  test('that is not there costs no work, and closing takes no longer than its time', async () => {
    const { logger } = losing()
    const { tracer, close } = await tracing({ logger, url: 'http://127.0.0.1:9/v1/traces' })
    await works(tracer)
    const began = Date.now()
    await close()
    expect(Date.now() - began).toBeLessThan(2000)
  })

  test('that never answers holds nobody up', async () => {
    const { logger } = losing()
    const { tracer, close } = await tracing({ logger }, 'silent')
    await works(tracer)
    const began = Date.now()
    await close()
    expect(Date.now() - began).toBeLessThan(2000)
  })
})
