import { Rejected, Unavailable } from '../../runtime/errors.ts'
import type { SchemaRegistry } from '../../schemas/registry.ts'

export interface MemoryRegistry extends SchemaRegistry {
  /** While true, nothing answers. */
  down: boolean
  /** How often a schema was asked for. */
  asked: number
}

/** A registry that lasts as long as its process. The schemas pass through JSON as they would on a wire. */
export const memoryRegistry = (): MemoryRegistry => {
  const texts: string[] = []
  const reach = (registry: MemoryRegistry) => {
    if (registry.down) throw new Unavailable('the registry does not answer')
  }
  return {
    down: false,
    asked: 0,
    async register(subject, schema) {
      reach(this)
      const text = JSON.stringify({ subject, schema })
      if (!texts.includes(text)) texts.push(text)
      return texts.indexOf(text) + 1
    },
    async schema(id) {
      reach(this)
      this.asked++
      const text = texts[id - 1]
      if (text === undefined) throw new Rejected(`no schema has the id ${id}`)
      return (JSON.parse(text) as { schema: object }).schema
    },
  }
}
