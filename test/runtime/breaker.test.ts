import { expect, test } from 'vitest'
import { memoryLog } from '../../adapters/memory/memory.ts'
import { endpoint } from '../../runtime/endpoint.ts'
import { bind, engine } from '../../runtime/engine.ts'
import { Unavailable } from '../../runtime/errors.ts'
import { unobserved } from '../../runtime/observe.ts'
import { bulk } from '../../runtime/policy.ts'
import { processor } from '../../runtime/processor.ts'
import { enter } from '../../runtime/source.ts'
import { table } from '../../runtime/table.ts'
import { names, topic } from '../../runtime/topic.ts'
import { avroCodec } from '../../schemas/codec.ts'
import { rejects, totals } from '../../topics/index.ts'
import { memoryRegistry } from '../schemas/memory-registry.ts'

const signal = new AbortController().signal
const lines = (name: string) => topic<Buffer>({ name, key: () => 'r/1', retention: 'forever' })

test('I7 a stage whose only endpoint is away stops at once, and keeps the event loop free', async () => {
  const log = memoryLog({ seed: 1 })
  const named = names('p', 's')
  const codec = avroCodec(memoryRegistry(), { subject: (name) => name })
  const away = endpoint({
    ...{ name: 'away', concurrency: { start: 1, max: 1 }, timeout: 1000 },
    breaker: { trips: 1, from: 20_000, to: 20_000 },
    random: () => 1,
  })
  const [input, output] = [lines('input'), lines('output')]
  const step = () => away.call(() => Promise.reject(new Unavailable('down', { endpoint: 'away' })), signal)
  const copy = processor({ name: 'copy', from: input, to: [output], policy: bulk(), step })
  const running = await engine({
    ...{ log, codec, names: named, partitions: 1, totals, rejects, observe: unobserved, now: Date.now },
    ...{ stages: [bind(copy, {}, { endpoints: [away] })], table: table(log, named.topic(totals)) },
  })
  const source = { log, codec, names: named, partitions: 1, name: 'x', origin: 'x', now: Date.now, signal }
  const message = input.message(Buffer.from('x'))
  await enter(source, () => [1, 2, 3].map((position) => ({ message, position })))
  while (!away.open) await new Promise((resolve) => setTimeout(resolve, 5))
  let ticks = 0
  const ticking = setInterval(() => ticks++, 5)
  const began = Date.now()
  await running.stop()
  await new Promise((resolve) => setTimeout(resolve, 100))
  clearInterval(ticking)
  expect(Date.now() - began).toBeLessThan(5000)
  expect(ticks).toBeGreaterThan(5)
})
