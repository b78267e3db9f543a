/** Dead letters: reading them, and sending them back to where they came from. */
import { enter, type Item } from '../runtime/source.ts'
import { originOf } from '../runtime/handle.ts'
import type { Message, Topic } from '../runtime/topic.ts'
import { processors } from '../processors/index.ts'
import { catalogue, rejects } from '../topics/index.ts'
import { sourceOf } from './streams.ts'
import type { World } from './world.ts'

export interface Reject {
  /** `<partition>/<position>` in the rejects topic. */
  readonly id: string
  readonly run: string
  readonly key: string
  readonly stage: string
  readonly kind: string
  readonly reason: string
  readonly attempts: number
  readonly origin: { readonly topic: string; readonly partition: number; readonly position: number }
  /** Milliseconds since 1970. */
  readonly rejected_at: number
  /** It was sent back; what follows of it counts instead. */
  readonly resolved: boolean
  readonly bytes: number
}

export interface Kept extends Reject {
  readonly headers: Readonly<Record<string, string>>
}

/** What the stage that gave a record up reads. */
export const inputOf = (stage: string | undefined): Topic =>
  processors.find(({ name }) => name === stage)?.from ?? rejects

/** The record itself, as it came: values are large, so only the one that is asked for is read. */
export const valueOf = async ({ log, names }: World, { id }: Pick<Reject, 'id'>): Promise<Buffer | null> => {
  const [partition, position] = id.split('/').map(Number) as [number, number]
  const name = names.topic(rejects)
  const partitions = (await log.describe(name))?.partitions ?? []
  const from = partitions.map((_, p) => (p === partition ? position : 0))
  const until = partitions.map((_, p) => (p === partition ? position + 1 : 0))
  for await (const record of log.read(name, { from, until })) if (record.position === position) return record.value
  return null
}

/** All dead letters of the stream, oldest first, with what became of them. */
export const readRejects = async ({ log, names }: World): Promise<Kept[]> => {
  const found: Kept[] = []
  const resolved = new Set<string>()
  for await (const { partition, position, key, value, headers, timestamp } of log.read(names.topic(rejects))) {
    const marks = headers['resolves']
    if (marks !== undefined) {
      resolved.add(marks)
      continue
    }
    const text = key?.toString() ?? ''
    found.push({
      id: `${partition}/${position}`,
      run: originOf({ key, headers }, inputOf(headers['reject.stage'])).run,
      key: text,
      stage: headers['reject.stage'] ?? '',
      kind: headers['reject.kind'] ?? '',
      reason: headers['reject.reason'] ?? '',
      attempts: Number(headers['reject.attempts'] ?? 0),
      origin: {
        topic: headers['reject.topic'] ?? '',
        partition: Number(headers['reject.partition'] ?? 0),
        position: Number(headers['reject.position'] ?? 0),
      },
      rejected_at: timestamp,
      resolved: false,
      bytes: value?.length ?? 0,
      headers,
    })
  }
  return found
    .map((reject) => ({ ...reject, resolved: resolved.has(reject.id) }))
    .sort((a, b) => a.rejected_at - b.rejected_at)
}

/** A topic of the catalogue as raw bytes, so that a record goes back as it came. */
const withoutSchema = (name: string): Topic => ({ ...catalogue.find((each) => each.name === name)!, schema: undefined })

/**
 * Sends a dead letter back to the topic it came from, with its history in its headers, and marks it as resolved, in one
 * transaction: however often this is done, it goes back once. Its earlier outcome is taken back when it is settled.
 */
export const retry = async (world: World, reject: Kept, signal: AbortSignal): Promise<boolean> => {
  const { origin, id, key, kind } = reject
  const prefix = world.names.topic({ name: '', control: false })
  const to = withoutSchema(origin.topic.slice(prefix.length))
  const own = Object.fromEntries(Object.entries(reject.headers).filter(([name]) => !name.startsWith('reject.')))
  const again = {
    ...{ topic: to, key, value: await valueOf(world, reject) },
    headers: { ...own, supersedes: id, 'supersedes.kind': kind, 'supersedes.stage': reject.stage },
  }
  const mark: Message = { topic: rejects, key, value: null, headers: { run: reject.run, resolves: id } }
  const partition = Number(id.split('/')[0])
  const items: Item[] = [
    { message: again, position: 1, partition: origin.partition },
    { message: mark, position: 2, partition },
  ]
  const options = sourceOf(world, `retry/${id}`, id, signal)
  const { entered } = await enter(options, (from) => items.filter(({ position }) => position > from))
  return entered > 0
}
