/** Dead letters: reading them, and sending them back to where they came from. */
import { enter, type Item } from '../runtime/source.ts'
import { topic, type Message, type Topic } from '../runtime/topic.ts'
import { catalogue, rejects } from '../topics/index.ts'
import { sourceOf } from './runs.ts'
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

interface Kept extends Reject {
  readonly headers: Readonly<Record<string, string>>
  readonly value: Buffer | null
}

const runOf = (key: string, headers: Readonly<Record<string, string>>) => headers.run ?? key.split('/')[0] ?? ''

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
      run: runOf(text, headers),
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
      value,
    })
  }
  return found
    .map((reject) => ({ ...reject, resolved: resolved.has(reject.id) }))
    .sort((a, b) => a.rejected_at - b.rejected_at)
}

/** A topic of the catalogue as raw bytes, so that a record goes back as it came. */
const raw = (name: string): Topic =>
  topic<Buffer>({ ...catalogue.find((each) => each.name === name)!, schema: {}, key: () => '' })

const withoutSchema = (name: string): Topic => ({ ...raw(name), schema: undefined })

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
    ...{ topic: to, key, value: reject.value },
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
