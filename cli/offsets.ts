/** Where a stage goes on that stands still: what each decision would cost, and writing it down. */
import { specOf } from '../runtime/engine.ts'
import { Fatal } from '../runtime/errors.ts'
import { ledger } from '../runtime/ledger.ts'
import { resetOf, targetOf, type Target } from '../runtime/reset.ts'
import { resumed, Stopped, type Found, type Obstacle } from '../runtime/resume.ts'
import { enter } from '../runtime/source.ts'
import { processors } from '../processors/index.ts'
import { decisions, totals } from '../topics/index.ts'
import { derivedOf, sourceTopic } from './replay/derived.ts'
import { sourceOf, streamEntry } from './streams.ts'
import type { World } from './world.ts'

/** What one partition's lane would do. Counts are of positions, so of records there are at most as many. */
export interface Move {
  readonly partition: number
  readonly obstacle: Obstacle
  /** The sentence with which the lane stops. */
  readonly stopped: string
  readonly settled: number | null
  readonly first: number
  readonly end: number
  readonly to: number
  /** Deleted before they were settled; null where nothing tells. */
  readonly gone: number | null
  /** Still there, and passed over. */
  readonly skipped: number
  /** Where records that were settled before may be worked on once more. */
  readonly again: boolean
}

export interface Plan {
  readonly stage: string
  readonly topic: string
  readonly moves: readonly Move[]
  /** Partitions that go on by themselves. */
  readonly healthy: readonly number[]
  readonly found: readonly Found[]
}

const moveOf = (found: Found, { obstacle, stood, message }: Stopped, target: Target): Move => {
  const { partition } = found.claim
  const { first, end } = found.info!.partitions[partition]!
  const to = targetOf(found, target)
  const known = obstacle === 'trimmed'
  const open = (from: number, until: number) =>
    Math.max(0, until - from) - stood.ahead.filter((at) => at >= from && at < until).length
  return {
    ...{ partition, obstacle, stopped: message, settled: found.settled?.position ?? null, first, end, to },
    gone: known ? open(stood.position, Math.min(first, to)) : null,
    skipped: open(known ? Math.max(first, stood.position) : targetOf(found, 'earliest'), to),
    again: !known && to < end,
  }
}

/** What the lanes of a stage would find now. */
const lanesOf = async (world: World, stage: string, signal: AbortSignal): Promise<Found[]> => {
  const processor = processors.find(({ name }) => name === stage)
  if (!processor)
    throw new Fatal(`there is no stage ${stage}: they are ${processors.map(({ name }) => name).join(', ')}`)
  const { log, names, codec, now, tables } = world
  await derivedOf(world) // refuses where it reads what is not there any more
  const derivation = (await streamEntry(world))?.derivation
  const input = derivation?.topic === processor.from.name ? derivation : undefined
  const topic = input ? sourceTopic(world, input) : names.topic(processor.from)
  const info = await log.describe(topic)
  if (!info) throw new Fatal(`topic ${topic} is gone: create it again or remove the stream`)
  const settled = await log.settled(names.group(stage), topic)
  const found: Found[] = []
  for (const partition of info.partitions.keys()) {
    const books = ledger({ codec, names, topic: totals, table: tables.totals, now }, stage, partition)
    await books.load(signal)
    const claim = { topic, partition }
    const about = { stream: names.stream, stage, claim, settled: settled[partition], info, started: books.started }
    found.push({ ...about, input })
  }
  return found
}

const stoppedBy = (found: Found): Stopped | undefined => {
  try {
    resumed(found)
  } catch (error) {
    if (error instanceof Stopped) return error
    throw error
  }
  return undefined
}

/**
 * @param partitions those asked for; none for all that stand still
 * @throws Fatal where one of them goes on by itself: its worker may be at work, and what it has settled or not is its own
 */
export const planned = async (
  world: World,
  stage: string,
  partitions: readonly number[],
  target: Target,
  signal: AbortSignal,
): Promise<Plan> => {
  const found = await lanesOf(world, stage, signal)
  const topic = found[0]?.claim.topic ?? ''
  const strange = partitions.find((each) => each >= found.length)
  if (strange !== undefined)
    throw new Fatal(`${topic} has no partition ${strange}: it has ${found.length}, counted from 0`)
  const wanted = found.filter(({ claim }) => partitions.length === 0 || partitions.includes(claim.partition))
  const moves: Move[] = []
  const healthy: number[] = []
  for (const each of wanted) {
    const stopped = stoppedBy(each)
    if (stopped) moves.push(moveOf(each, stopped, target))
    else healthy.push(each.claim.partition)
  }
  if (moves.length === 0 || (partitions.length > 0 && healthy.length > 0)) {
    const which = partitions.length > 0 ? `partition ${healthy.join(', ')} of ${topic}` : topic
    throw new Fatal(
      `${stage} is not stopped on ${which}: it goes on by itself where it was, and moving it would lose or repeat records. ` +
        `Only a stage that stopped and said so is moved; to run one again, see gainstream replay --help`,
    )
  }
  return { stage, topic, moves, healthy, found }
}

/** Says so where the next worker that holds the partition finds it. A later decision takes the place of an earlier one. */
export const decide = async (world: World, { stage, found, moves }: Plan, reason: string, signal: AbortSignal) => {
  await world.log.apply([specOf(world.names, decisions, 1)])
  const now = world.now()
  const made = moves.map(({ partition, to }) => decisions.message(resetOf(found[partition]!, to, reason, now)))
  const source = sourceOf(world, `reset/${stage}`, 'gainstream', signal)
  await enter(source, (from) => made.map((message, n) => ({ message, position: from + n + 1 })))
}
