/** What travels in the fault runs: inputs → relay → middles → copy → copies. Dead letters and totals are the real ones. */
import { megabytes, topic, type Topic } from '../../runtime/topic.ts'
import type { Avro } from '../../schemas/avro.ts'
import { rejects, totals } from '../../topics/index.ts'

export const Item = {
  type: 'record',
  name: 'Item',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'text', type: 'string', default: '' },
  ],
} as const
export type Item = Avro<typeof Item>

/** The run that all items belong to. */
export const run = 'r'
const key = ({ id }: Item) => `${run}/${id}`

export const inputs = topic<Item>({ name: 'inputs', schema: Item, key, retention: 'forever' })
/** Takes less than inputs: a large item is refused here. */
export const middles = topic<Item>({ name: 'middles', schema: Item, key, retention: 'forever', maxBytes: megabytes(4) })
export const copies = topic<Item>({ name: 'copies', schema: Item, key, retention: 'forever', maxBytes: megabytes(4) })

/** Each stage with what it reads and what it writes, in the order of the stream. */
export const stages = [
  { stage: 'relay', from: inputs, to: middles },
  { stage: 'copy', from: middles, to: copies },
] as const

export const topics: readonly Topic[] = [inputs, middles, copies, rejects, totals]

export const ids = (count: number, prefix = 'i') => Array.from({ length: count }, (_, n) => `${prefix}${n}`)

/** Which partition an item is entered into: the same number in each. */
export const partitionOf = (id: string, partitions: number) => Number(id.replace(/^\D+/, '')) % partitions
