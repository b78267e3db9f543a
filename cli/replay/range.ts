/** Which stretch of a topic is meant, in the words of kafka-consumer-groups --reset-offsets. */
import { Fatal } from '../../runtime/errors.ts'
import type { TopicInfo } from '../../runtime/log.ts'
import type { World } from '../world.ts'

/** Flags that name a stretch. */
export interface RangeFlags {
  readonly toEarliest?: boolean
  readonly toDatetime?: string
  readonly byDuration?: string
  readonly shiftBy?: number
  readonly fromOffsets?: string
  readonly untilDatetime?: string
  readonly untilOffsets?: string
}

/** First position that is read, and the first that is not, per partition. */
export interface Stretch {
  readonly topicId: string
  readonly from: readonly number[]
  readonly until: readonly number[]
}

const begins = ['toEarliest', 'toDatetime', 'byDuration', 'shiftBy', 'fromOffsets'] as const
const flagOf = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

/** The flags as they were given: the same words mean the same replay. @throws Fatal for two beginnings or two ends */
export const wordsOf = (flags: RangeFlags): string => {
  const given = begins.filter((name) => flags[name] !== undefined)
  if (given.length > 1) throw new Fatal(`${given.map(flagOf).join(' and ')} say where to begin: give one of them`)
  if (flags.untilDatetime !== undefined && flags.untilOffsets !== undefined)
    throw new Fatal('--until-datetime and --until-offsets say where to end: give one of them')
  return [...begins, 'untilDatetime' as const, 'untilOffsets' as const]
    .filter((name) => flags[name] !== undefined && name !== 'toEarliest')
    .map((name) => `${flagOf(name)} ${flags[name]}`)
    .join(' ')
}

/** `P1DT2H30M` in milliseconds. @throws Fatal */
const durationOf = (text: string): number => {
  const [, days, hours, minutes, seconds] =
    /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(text) ?? []
  const parts = [days, hours, minutes, seconds]
  if (parts.every((part) => part === undefined))
    throw new Fatal(`--by-duration ${text} is no duration: write it as PT30M, PT2H or P1D`)
  const [d = 0, h = 0, m = 0, s = 0] = parts.map((part) => Number(part ?? 0))
  return (((d * 24 + h) * 60 + m) * 60 + s) * 1000
}

/** Milliseconds since 1970. @throws Fatal */
const timeOf = (flag: string, text: string): number => {
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw new Fatal(`${flag} ${text} is no time: write it as 2026-11-23T08:00:00Z`)
  return at
}

/** `0:120,3:40` by partition. @throws Fatal */
const offsetsOf = (flag: string, text: string, partitions: number): Map<number, number> => {
  const found = new Map<number, number>()
  for (const part of text.split(',')) {
    const [, partition, position] = /^(\d+):(\d+)$/.exec(part.trim()) ?? []
    if (partition === undefined || Number(partition) >= partitions)
      throw new Fatal(
        `${flag} ${text}: write it as <partition>:<position>,…, e.g. 0:120,3:40, below partition ${partitions}`,
      )
    found.set(Number(partition), Number(position))
  }
  return found
}

type Where = (info: TopicInfo) => Promise<number[]>

/** The first position at or after a time; where there is none, the end. Reads the topic: logs keep no times apart. */
const atTime =
  (world: World, name: string, time: number): Where =>
  async ({ partitions }) => {
    const found = partitions.map(({ end }) => end)
    const sought = new Set(partitions.keys())
    for await (const { partition, position, timestamp } of world.log.read(name)) {
      if (timestamp < time || !sought.has(partition)) continue
      found[partition] = position
      sought.delete(partition)
      if (sought.size === 0) break
    }
    return found
  }

const beginning = (world: World, name: string, flags: RangeFlags): Where => {
  const { toDatetime, byDuration, shiftBy, fromOffsets } = flags
  if (toDatetime !== undefined) return atTime(world, name, timeOf('--to-datetime', toDatetime))
  if (byDuration !== undefined) return atTime(world, name, world.now() - durationOf(byDuration))
  if (shiftBy !== undefined)
    return async ({ partitions }) => partitions.map(({ first, end }) => Math.max(first, end + shiftBy))
  if (fromOffsets === undefined) return async ({ partitions }) => partitions.map(({ first }) => first)
  return async ({ partitions }) => {
    const given = offsetsOf('--from-offsets', fromOffsets, partitions.length)
    return partitions.map(({ end }, partition) => given.get(partition) ?? end)
  }
}

const ending = (world: World, name: string, { untilDatetime, untilOffsets }: RangeFlags): Where => {
  if (untilDatetime !== undefined) return atTime(world, name, timeOf('--until-datetime', untilDatetime))
  return async ({ partitions }) => {
    const given = untilOffsets === undefined ? undefined : offsetsOf('--until-offsets', untilOffsets, partitions.length)
    return partitions.map(({ end }, partition) => given?.get(partition) ?? end)
  }
}

/** The stretch as it lies now: an end is at most the end of the partition, a beginning at least the first record. */
export const stretchOf = async (world: World, name: string, flags: RangeFlags): Promise<Stretch> => {
  const info = await world.log.describe(name)
  if (!info) throw new Fatal(`there is no topic ${name}: gainstream runs lists the streams that have run`)
  const begin = await beginning(world, name, flags)(info)
  const end = await ending(world, name, flags)(info)
  const until = info.partitions.map((bounds, partition) =>
    Math.max(bounds.first, Math.min(bounds.end, end[partition] ?? 0)),
  )
  const from = info.partitions.map(({ first }, partition) =>
    Math.min(until[partition] ?? 0, Math.max(first, begin[partition] ?? 0)),
  )
  return { topicId: info.id, from, until }
}
