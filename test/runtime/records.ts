/** Topics, a codec and records for tests of the runtime; none of it knows of RAG. */
import { memoryLog, type MemoryLog } from '../../adapters/memory/memory.ts'
import type { Codec } from '../../runtime/codec.ts'
import { Rejected } from '../../runtime/errors.ts'
import type { Log, Stored } from '../../runtime/log.ts'
import { names, topic, type Topic } from '../../runtime/topic.ts'
import type { Totals } from '../../runtime/totals.ts'

export const never = new AbortController().signal

export interface Thing {
  readonly id: string
  readonly text?: string
}

/** JSON; `undefined` fits no topic. */
export const codec: Codec = {
  prepare: async () => {},
  encode(_topic, value) {
    if (value === undefined) throw new Rejected('this does not fit')
    return Buffer.from(JSON.stringify(value))
  },
  async decode(_topic, bytes) {
    try {
      return JSON.parse(bytes.toString()) as never
    } catch (cause) {
      throw new Rejected('these bytes are no JSON', { cause })
    }
  },
}

const thing = (name: string, more: Partial<Pick<Topic, 'control' | 'compact'>> = {}) =>
  topic<Thing>({ name, key: ({ id }) => `monday/${id}`, retention: 'forever', maxBytes: 100, ...more })

export const inputs = thing('inputs')
export const outputs = thing('outputs')
export const control = thing('control', { control: true, compact: true })
export const rejects = topic<Buffer>({ name: 'rejects', key: () => '', retention: 'forever' })
export const totals = topic<Totals>({
  ...{ name: 'totals', retention: 'forever', compact: true, keyedByRun: false },
  key: ({ stream, run, stage, partition }) => `${stream}/${run}/${stage}/${partition}`,
})
export const named = names('p', 's')

export const stored = (more: Partial<Stored> = {}): Stored => ({
  ...{ topic: named.topic(inputs), partition: 3, position: 42, timestamp: 7, headers: {} },
  ...{ key: Buffer.from('monday/a'), value: Buffer.from('{"id":"a"}') },
  ...more,
})

/** A log in memory that does as it is told, with these topics. */
export const logOf = async (topics: readonly Topic[], partitions = 2, seed = 1): Promise<MemoryLog> => {
  const log = memoryLog({ seed, faults: {} })
  await log.apply(
    topics.map((each) => ({
      ...{ name: named.topic(each), partitions: each.control ? 1 : partitions },
      ...{ retention: each.retention, compact: each.compact, maxBytes: 1_000_000 },
    })),
  )
  return log
}

export const readAll = async (log: Log, of: Topic): Promise<Stored[]> => {
  const records: Stored[] = []
  for await (const record of log.read(named.topic(of))) records.push(record)
  return records
}
