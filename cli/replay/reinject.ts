/** Records of a stretch once more into the input of a stage of the same stream. */
import { createHash } from 'node:crypto'
import { Fatal } from '../../runtime/errors.ts'
import { originOf } from '../../runtime/handle.ts'
import { copyOf, isCopy, rootOf } from '../../runtime/input.ts'
import type { Stored } from '../../runtime/log.ts'
import { enter, type Item } from '../../runtime/source.ts'
import type { Topic } from '../../runtime/topic.ts'
import { pause } from '../../runtime/wait.ts'
import type { Io } from '../command.ts'
import { progress } from '../progress.ts'
import { readRejects, retry, withoutSchema, type Kept } from '../rejects.ts'
import { sourceOf } from '../streams.ts'
import type { World } from '../world.ts'
import { pinned, type Pin } from './pin.ts'
import type { Stretch } from './range.ts'
import { positionsIn } from './survey.ts'

export interface Wanted {
  readonly topic: Topic
  readonly stage: string
  /** Empty: all. */
  readonly runs: readonly string[]
  /** Whole keys, or ids of queries; empty: all. */
  readonly keys: readonly string[]
  /** Only records that the stage gave up and nobody has retried. */
  readonly rejectsOnly: boolean
}

export interface Reinjection extends Wanted {
  /** The same name sends the same record once. */
  readonly name: string
  /** Records a second. */
  readonly rate: number | undefined
}

/** The name of what is asked for in these words: asked twice, it is done once. */
export const nameOf = ({ topic, ...wanted }: Wanted, words: string, as: string | undefined): string => {
  const text = JSON.stringify([topic.name, wanted, words, as ?? ''])
  return `reinject-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
}

export const wants = ({ topic, runs, keys }: Wanted, record: Stored): boolean => {
  const { run, id } = originOf(record, topic)
  if (runs.length > 0 && !runs.includes(run)) return false
  return keys.length === 0 || keys.includes(id) || keys.includes(String(record.key))
}

type Fate = { readonly kind: 'sent' } | { readonly kind: 'done' } | { readonly kind: 'reject'; readonly reject: Kept }

/** What the stage's rejects say of a record: it goes back as one of them, it did so before, or it never was one. */
export const fates = async (world: World, { topic, stage }: Wanted, name: string) => {
  const place = (partition: number, root: number) => `${partition}/${root}`
  const given = (await readRejects(world)).filter(
    (reject) => reject.stage === stage && reject.origin.topic === world.names.topic(topic),
  )
  const byPlace = Map.groupBy(given, ({ origin, headers }) =>
    place(origin.partition, rootOf({ position: origin.position, headers })),
  )
  return (record: Stored): Fate => {
    const own = byPlace.get(place(record.partition, rootOf(record))) ?? []
    if (own.some(({ resolved_by: by }) => by === name)) return { kind: 'done' }
    const reject = own.findLast(({ resolved }) => !resolved)
    return reject ? { kind: 'reject', reject } : { kind: 'sent' }
  }
}

const copied = ({ names }: World, { topic, stage }: Wanted, record: Stored): Item => {
  const { partition, position, key, value, headers } = record
  const { supersedes: _id, 'supersedes.kind': _kind, ...own } = headers
  const from = `${names.stream}/${topic.name}/${partition}/${position}`
  const marks = { ...copyOf(record), 'supersedes.stage': stage, 'replayed.from': from }
  const message = { topic: withoutSchema(topic), key: String(key ?? ''), value, headers: { ...own, ...marks } }
  return { message, position: position + 1, partition }
}

/** Waits so that no more than `rate` a second pass. */
const throttle = (rate: number | undefined, signal: AbortSignal) => {
  let next = 0
  return async () => {
    if (rate === undefined) return
    const now = Date.now()
    next = Math.max(now, next) + 1000 / rate
    await pause(next - now - 1000 / rate, signal)
  }
}

const only = (pins: readonly Pin[], partition: number) => {
  const of = (pick: (pin: Pin) => number) => pins.map((pin, at) => (at === partition ? pick(pin) : 0))
  return { from: of(({ from }) => from), until: of(({ until }) => until) }
}

/**
 * Sends each wanted record of the stretch once, however often it is called, killed, and called again under the same
 * name. What the stage gave up goes back as a retried reject does.
 */
export const reinject = async (world: World, io: Io, asked: Reinjection, stretch: Stretch) => {
  const { topic, name, rate, rejectsOnly } = asked
  const pins = await pinned(world, name, stretch, io.signal)
  const fate = await fates(world, asked, name)
  const pass = throttle(rate, io.signal)
  const bar = progress(`sending ${topic.name}`, io.screen)
  const [all, counts] = [positionsIn({ topicId: '', ...split(pins) }), { sent: 0, retried: 0 }]
  let before = 0
  const items = async function* (pin: Pin, partition: number, at: number): AsyncGenerator<Item> {
    const stretch = { ...only(pins, partition), signal: io.signal }
    for await (const record of world.log.read(world.names.topic(topic), stretch)) {
      bar.update(before + record.position - pin.from, all, `${counts.sent + counts.retried} sent`)
      if (record.position < at || isCopy(record, pin.from) || !wants(asked, record)) continue
      const found = fate(record)
      if (found.kind === 'done' || (found.kind === 'sent' && rejectsOnly)) continue
      await pass()
      io.signal.throwIfAborted()
      if (found.kind === 'sent') yield copied(world, asked, record)
      else if (await retry(world, found.reject, io.signal, name)) counts.retried++
    }
    io.signal.throwIfAborted()
  }
  for (const [partition, pin] of pins.entries()) {
    const batch = { records: Math.min(500, Math.max(1, Math.ceil(rate ?? 500))), bytes: 4 * 1024 * 1024 }
    const source = sourceOf(world, `${name}/${partition}`, pin.note, io.signal)
    const { entered } = await enter({ ...source, batch }, (at) => items(pin, partition, at))
    counts.sent += entered
    before += pin.until - pin.from
  }
  bar.update(all, all, `${counts.sent + counts.retried} sent`)
  bar.end()
  return counts
}

const split = (pins: readonly Pin[]) => ({
  from: pins.map(({ from }) => from),
  until: pins.map(({ until }) => until),
})

/** @throws Fatal for a stage that does not read the topic */
export const checkReads = (stage: string, topic: Topic, readers: readonly string[]): void => {
  if (readers.includes(stage)) return
  throw new Fatal(`${stage} does not read ${topic.name}: that is read by ${readers.join(' and ')}`)
}
