import { Fatal } from '../../runtime/errors.ts'
import type { Log, TopicInfo } from '../../runtime/log.ts'
import { mischief, type Faults } from './faults.ts'
import { group, type Group } from './group.ts'
import type { Partition } from './partition.ts'
import { process, type Process } from './process.ts'
import { read } from './read.ts'
import { seatAt } from './seat.ts'
import { world, type World } from './world.ts'

export interface MemoryOptions {
  /** The same seed, the same faults at the same opportunities (which of them come first is up to the timers). */
  seed: number
  /** Probability of each fault; those not named never strike. None: a plain, correct, fast log. */
  faults?: Partial<Faults>
}

/** A log of its own process, and control over the world that all its processes share. */
export interface MemoryLog extends Log {
  /** Another process on the same log. */
  open(): Log
  /** Kill -9: the process hears no answer any more; its group learns of it a little later. */
  crash(handle: Log): void
  /** Like SIGSTOP and SIGCONT as the group sees them: the process keeps working and notices nothing until it is woken. */
  sleep(handle: Log): void
  wake(handle: Log): void
  /** Deletes the records before this position, as retention does. */
  trim(topic: string, partition: number, before: number): void
  /** Deletes the records that have outlived their topic's retention. */
  expire(): void
  /** Drops all but the newest record of each key. */
  compact(topic: string): void
  /** Uses up positions without records, as control markers do. */
  skip(topic: string, partition: number, positions: number): void
  /** Revokes and gives out anew every claim of the group. */
  rebalance(groupName: string, topic: string): void
  /** From now on these faults, and of the rest none. */
  misbehave(faults: Partial<Faults>): void
  /** How often each fault struck. */
  readonly struck: Readonly<Record<keyof Faults, number>>
  /** What users of the log did wrong by the port's contract (two settles at once, a position moved back). */
  readonly complaints: readonly string[]
}

/**
 * A log in memory that misbehaves like Kafka on a seed: the conformance suite and the tests of the runtime run on it.
 * Processes of a test share one world; nothing of it is durable.
 */
export const memoryLog = ({ seed, faults = {} }: MemoryOptions): MemoryLog => {
  const shared = world(mischief(seed, faults))
  const groups = groupsOf(shared)
  const processes = new WeakMap<Log, Process>()
  const open = (): Log => {
    const own = process()
    const log = handle(shared, groups, own, `memory seed ${seed}`)
    processes.set(log, own)
    return log
  }
  const processOf = (log: Log) => {
    const found = processes.get(log)
    if (!found) throw new Error('this handle was not opened here')
    return found
  }
  const where = (topic: string, partition: number) => partitionOf(shared, topic, partition)
  const first = open()
  const made: MemoryLog = {
    ...first,
    open,
    crash(log) {
      const gone = processOf(log)
      gone.kill()
      setTimeout(() => groups.all().forEach((each) => each.bury(gone)), shared.mischief.random.between(5, 30))
    },
    sleep: (log) => groups.all().forEach((each) => each.sleep(processOf(log), true)),
    wake: (log) => groups.all().forEach((each) => each.sleep(processOf(log), false)),
    trim: (topic, partition, before) => where(topic, partition).trim(before),
    expire: () => {
      for (const { spec, partitions } of shared.topics.values()) {
        if (spec.retention === 'forever') continue
        for (const each of partitions) each.expire(Date.now() - spec.retention)
      }
    },
    compact: (topic) => shared.topics.get(topic)?.partitions.forEach((each) => each.compact()),
    skip: (topic, partition, positions) => where(topic, partition).skip(positions),
    rebalance: (groupName, topic) => groups.get(groupName, topic).rebalance(),
    misbehave: (changed) => shared.mischief.set(changed),
    struck: shared.mischief.struck,
    complaints: shared.complaints,
  }
  processes.set(made, processOf(first))
  return made
}

const groupsOf = (shared: World) => {
  const made = new Map<string, Group>()
  return {
    all: () => [...made.values()],
    get(name: string, topic: string) {
      const key = `${name} ${topic}`
      const found = made.get(key) ?? group(shared, topic)
      made.set(key, found)
      return found
    },
  }
}

const partitionOf = ({ topics }: World, topic: string, partition: number): Partition => {
  const found = topics.get(topic)?.partitions[partition]
  if (!found) throw new Fatal(`there is no partition ${partition} of topic ${topic}`)
  return found
}

const handle = (shared: World, groups: ReturnType<typeof groupsOf>, own: Process, name: string): Log => {
  const topicOf = (topic: string) => {
    const found = shared.topics.get(topic)
    if (!found) throw new Fatal(`there is no topic ${topic}`)
    return found
  }
  return {
    name,
    async apply(topics) {
      await own.wait(0)
      for (const spec of topics) shared.apply(spec)
    },
    async describe(topic): Promise<TopicInfo | undefined> {
      await own.wait(0)
      const found = shared.topics.get(topic)
      return found && { id: found.id, partitions: found.partitions.map((each) => each.bounds()) }
    },
    async join(request) {
      await own.wait(0)
      topicOf(request.topic)
      return groups.get(request.group, request.topic).join(own, request)
    },
    source: (groupName, source) =>
      seatAt(shared, own, { group: groupName, source }, { entitled: () => 'yes', midway: () => {} }),
    async settled(groupName, topic) {
      await own.wait(0)
      const count = shared.topics.get(topic)?.partitions.length ?? 0
      return Array.from(
        { length: count },
        (_, partition) => shared.known({ group: groupName, topic, partition })?.settled,
      )
    },
    read: (topic, options = {}) => read(own, topicOf(topic).partitions, options),
    async remove(what) {
      await own.wait(0)
      shared.remove(what)
    },
    async close() {
      await own.wait(0)
      for (const each of groups.all()) each.bury(own)
      own.kill()
    },
  }
}
