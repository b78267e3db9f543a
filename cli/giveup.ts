/** Giving up a record by hand that is stuck under way. */
import { Fatal } from '../runtime/errors.ts'
import { specOf } from '../runtime/engine.ts'
import { originOf } from '../runtime/handle.ts'
import type { Stored } from '../runtime/log.ts'
import { readNote } from '../runtime/note.ts'
import { enter } from '../runtime/source.ts'
import { pause } from '../runtime/wait.ts'
import { processors } from '../processors/index.ts'
import { decisions } from '../topics/index.ts'
import { inputName } from './replay/derived.ts'
import { sourceOf } from './streams.ts'
import type { World } from './world.ts'

export interface Stuck {
  readonly stage: string
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly position: number
  readonly run: string
  readonly key: string
  /** Milliseconds since 1970. */
  readonly written_at: number
}

type Place = Pick<Stuck, 'stage' | 'partition' | 'position'>

/** `3/42` as it is given. @throws Fatal */
export const placeOf = (stage: string, text: string): Place => {
  const [, partition, position] = /^(\d+)\/(\d+)$/.exec(text) ?? []
  if (partition === undefined) throw new Fatal(`${text} names no record: write it as <partition>/<position>, e.g. 3/42`)
  return { stage, partition: Number(partition), position: Number(position) }
}

const isSettled = async ({ log, names }: World, topic: string, { stage, partition, position }: Place) => {
  const settled = (await log.settled(names.group(stage), topic))[partition]
  if (!settled) return false
  return position < settled.position || readNote(settled.position, settled.note, stage).ahead.includes(position)
}

const recordAt = async ({ log }: World, topic: string, partitions: number, { partition, position }: Place) => {
  const at = (end: number) => Array.from({ length: partitions }, (_, p) => (p === partition ? end : 0))
  let found: Stored | undefined
  for await (const record of log.read(topic, { from: at(position), until: at(position + 1) })) found = record
  return found
}

/** The record, which is there and not settled yet. @throws Fatal with what is wrong otherwise */
export const unfinished = async (world: World, place: Place): Promise<Stuck> => {
  const { stage, partition, position } = place
  const processor = processors.find(({ name }) => name === stage)
  if (!processor)
    throw new Fatal(`there is no stage ${stage}: they are ${processors.map(({ name }) => name).join(', ')}`)
  const topic = await inputName(world, processor.from)
  const where = `${partition}/${position} of ${topic}`
  const info = await world.log.describe(topic)
  const bounds = info?.partitions[partition]
  if (!info || !bounds) throw new Fatal(`there is no partition ${partition} of ${topic}`)
  if (await isSettled(world, topic, place)) throw new Fatal(`${stage} has settled ${where} already: nothing holds it`)
  const record = position < bounds.end ? await recordAt(world, topic, info.partitions.length, place) : undefined
  if (!record)
    throw new Fatal(`there is no record at ${where}: it begins at ${bounds.first} and ends before ${bounds.end}`)
  const { run } = originOf(record, processor.from)
  const said = { topic, topicId: info.id, run, key: String(record.key ?? ''), written_at: record.timestamp }
  return { ...place, ...said }
}

/** Says so where every worker hears it, without a restart; once, however often. */
export const giveUp = async (world: World, stuck: Stuck, reason: string, signal: AbortSignal): Promise<void> => {
  const { stage, partition, position, topicId: topic_id } = stuck
  await world.log.apply([specOf(world.names, decisions, 1)])
  const decision = {
    ...{ kind: 'give up', stream: world.names.stream, stage, partition, position, topic_id },
    ...{ settled: null, to: null, reason, decided_at: world.now() },
  }
  const source = sourceOf(world, `give-up/${topic_id}/${stage}/${partition}/${position}`, 'gainstream', signal)
  await enter(source, (from) => (from === 0 ? [{ message: decisions.message(decision), position: 1 }] : []))
}

/** Until the record is settled, for at most so many milliseconds. */
export const settledWithin = async (world: World, stuck: Stuck, ms: number, signal: AbortSignal): Promise<boolean> => {
  for (const until = Date.now() + ms; Date.now() < until && !signal.aborted; await pause(100, signal))
    if (await isSettled(world, stuck.topic, stuck)) return true
  return false
}
