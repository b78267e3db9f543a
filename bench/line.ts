/** What the benchmarks of lanes copy: records of one field of text. */
import { topic } from '../runtime/topic.ts'

export interface Line {
  id: string
  text: string
}
const Line = {
  type: 'record',
  name: 'Line',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'text', type: 'string' },
  ],
}
/** A topic of such records. */
export const lines = (name: string) =>
  topic<Line>({ name, schema: Line, key: ({ id }) => `bench/${id}`, retention: 'forever' })
