/** Dead letters: reading them, and sending them back to where they came from. */
import { Fatal } from '../runtime/errors.ts'
import { copyOf } from '../runtime/input.ts'
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
  /** Which re-injection sent it back, if it was one. */
  readonly resolved_by: string | null
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
  const resolved = new Map<string, string | null>()
  for await (const { partition, position, key, value, headers, timestamp } of log.read(names.topic(rejects))) {
    const marks = headers['resolves']
    if (marks !== undefined) {
      resolved.set(marks, headers['resolved.by'] ?? null)
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
      resolved_by: null,
      bytes: value?.length ?? 0,
      headers,
    })
  }
  return found
    .map((reject) => ({
      ...reject,
      resolved: resolved.has(reject.id),
      resolved_by: resolved.get(reject.id) ?? null,
    }))
    .sort((a, b) => a.rejected_at - b.rejected_at)
}

/** A topic of the catalogue as raw bytes, so that a record goes back as it came. */
export const withoutSchema = (topic: Topic): Topic => ({ ...topic, schema: undefined })

/** @throws Fatal where that is a topic of another stream */
const homeOf = ({ names }: World, { id, origin }: Reject): Topic => {
  const home = catalogue.find((each) => names.topic(each) === origin.topic)
  if (home) return withoutSchema(home)
  throw new Fatal(
    `reject ${id} came from ${origin.topic}, to which the replay ${names.stream} never writes: ` +
      `replay it once more under another name, e.g. with --run`,
  )
}

/**
 * Sends a dead letter back to the topic it came from, with its history in its headers, and marks it as resolved, in one
 * transaction: however often this is done, it goes back once. Its earlier outcome is taken back when it is settled.
 * @param by what sends it back, where that is a re-injection
 */
export const retry = async (world: World, reject: Kept, signal: AbortSignal, by?: string): Promise<boolean> => {
  const { origin, id, key, kind } = reject
  const to = homeOf(world, reject)
  const own = Object.fromEntries(Object.entries(reject.headers).filter(([name]) => !name.startsWith('reject.')))
  const again = {
    ...{ topic: to, key, value: await valueOf(world, reject) },
    headers: {
      ...own,
      ...copyOf({ position: origin.position, headers: own }),
      ...{ supersedes: id, 'supersedes.kind': kind, 'supersedes.stage': reject.stage },
    },
  }
  const resolution = { run: reject.run, resolves: id, ...(by !== undefined && { 'resolved.by': by }) }
  const mark: Message = { topic: rejects, key, value: null, headers: resolution }
  const partition = Number(id.split('/')[0])
  const items: Item[] = [
    { message: again, position: 1, partition: origin.partition },
    { message: mark, position: 2, partition },
  ]
  const options = sourceOf(world, `retry/${id}`, id, signal)
  const { entered } = await enter(options, (from) => items.filter(({ position }) => position > from))
  return entered > 0
}
