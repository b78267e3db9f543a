/** What readers see, counted by id, against what had to be there. */
import { confluentRegistry } from '../../adapters/registry/index.ts'
import type { Broker } from '../../adapters/stack/index.ts'
import type { Log } from '../../runtime/log.ts'
import { readNote } from '../../runtime/note.ts'
import { names } from '../../runtime/topic.ts'
import { merged, type Totals } from '../../runtime/totals.ts'
import { avroCodec } from '../../schemas/codec.ts'
import { rejects, totals } from '../../topics/index.ts'
import { run, stages } from './items.ts'
import { everything, type Seen } from './reader.ts'

export interface Places {
  readonly log: Log
  /** A broker whose tools are at hand. */
  readonly node: Pick<Broker, 'tool'>
  readonly brokers: readonly string[]
  readonly registry: string
  readonly prefix: string
}

export interface Counted {
  /** Records that readers see at the end of the stream. */
  readonly seen: number
  readonly lost: number
  readonly doubled: number
  /** Ids of dead letters, in order. */
  readonly rejects: readonly string[]
  /** What the totals of the last stage say was done. */
  readonly counted: number
  /** Sentences about what is not as it should be, beside what is lost or doubled. */
  readonly wrong: readonly string[]
}

export const idOf = ({ key }: Seen) => key.slice(run.length + 1)

export const codecOf = ({ registry, prefix }: Pick<Places, 'registry' | 'prefix'>) =>
  avroCodec(confluentRegistry({ url: registry }), { subject: (topic) => `${prefix}.s.${topic}-value` })

/** By id: in `wanted` and not found, found more than once, found and not in `wanted`. */
export const compared = (wanted: Iterable<string>, found: readonly string[]) => {
  const times = new Map<string, number>()
  for (const id of found) times.set(id, (times.get(id) ?? 0) + 1)
  const all = new Set(wanted)
  return {
    lost: [...all].filter((id) => !times.has(id)),
    doubled: [...times].filter(([, n]) => n > 1).map(([id]) => id),
    foreign: [...times.keys()].filter((id) => !all.has(id)),
  }
}

const placeOf = (partition: number, offset: number) => `${partition}/${offset}`

/** The other reader's records, as an audit wants them. */
const seenBy = async ({ log }: Pick<Places, 'log'>, topic: string): Promise<Seen[]> => {
  const seen: Seen[] = []
  for await (const { partition, position: offset, key, value, headers } of log.read(topic))
    seen.push({ partition, offset, key: String(key), value, headers })
  return seen
}

const sameAs = (places: readonly string[], seen: readonly Seen[]) => {
  const left = new Set(places)
  return left.size === seen.length && seen.every(({ partition, offset }) => left.has(placeOf(partition, offset)))
}

/**
 * What readers see that share nothing: the adapter's, which waits for transactions that a dead process left open, then
 * kafkajs's own consumer. Where they differ the broker's console consumer decides: kafkajs 2.2.4 shows records of aborted
 * transactions where those of two producers overlap in a partition, because it takes their list to be sorted.
 * @throws Error when the adapter does not see what the console consumer sees
 */
export const seenIn = async (places: Pick<Places, 'log' | 'brokers' | 'node'>, topic: string): Promise<Seen[]> => {
  const ours = await seenBy(places, topic)
  const theirs = await everything(places.brokers, topic)
  const at = theirs.map(({ partition, offset }) => placeOf(partition, offset))
  if (at.length === ours.length && sameAs(at, ours)) return theirs
  const official = await placesByConsole(places, topic)
  if (official.length === ours.length && sameAs(official, ours)) return ours
  throw new Error(`readers of ${topic} disagree: ${ours.length}, kafkajs ${at.length}, the console ${official.length}`)
}

const consoleConsumer = 'org.apache.kafka.tools.consumer.ConsoleConsumer'

const placesByConsole = async ({ brokers, node }: Pick<Places, 'brokers' | 'node'>, topic: string) => {
  const printed = ['partition=true', 'offset=true', 'value=false', 'key=false']
  const { stdout } = await node.tool(consoleConsumer, [
    ...['--bootstrap-server', brokers.join(','), '--topic', topic, '--from-beginning'],
    ...['--isolation-level', 'read_committed', '--timeout-ms', '15000'],
    ...printed.flatMap((each) => ['--formatter-property', `print.${each}`]),
  ])
  const found = stdout.matchAll(/^Partition:(\d+)\tOffset:(\d+)/gm)
  return [...found].map(([, partition, offset]) => placeOf(Number(partition), Number(offset)))
}

/** The ids of a topic's records, each value decoded with the registry and compared with its key. */
export const idsIn = async (places: Places, at: (typeof stages)[number]['from' | 'to']): Promise<string[]> => {
  const codec = codecOf(places)
  const found = await seenIn(places, names(places.prefix, 's').topic(at))
  const ids: string[] = []
  for (const each of found) {
    const { id } = await codec.decode(at, each.value ?? Buffer.alloc(0))
    if (id !== idOf(each)) throw new Error(`${each.key} of ${at.name} holds ${id}`)
    ids.push(id)
  }
  return ids
}

/** What each stage's totals add up to. */
export const totalsOf = async (places: Places): Promise<ReadonlyMap<string, Readonly<Record<string, number>>>> => {
  const codec = codecOf(places)
  const newest = new Map<string, Totals>()
  for (const { key, value } of await seenIn(places, names(places.prefix, 's').topic(totals)))
    if (value) newest.set(key, await codec.decode(totals, value))
  return new Map(
    [...Map.groupBy(newest.values(), ({ stage }) => stage)].map(([stage, own]) => [stage, merged(own).counts]),
  )
}

/** Every record came through both stages once, or was rejected; and the totals say so. */
export const counted = async (places: Places, wanted: readonly string[], rejected: readonly string[] = []) => {
  const dead = (await seenIn(places, names(places.prefix, 's').topic(rejects))).map(idOf)
  const due = wanted.filter((id) => !rejected.includes(id))
  const sums = await totalsOf(places)
  const wrong: string[] = []
  let [seen, lost, doubled] = [0, 0, 0]
  for (const { stage, to } of stages) {
    const ids = await idsIn(places, to)
    const found = compared(due, ids)
    seen = ids.length
    lost = Math.max(lost, found.lost.length)
    doubled += found.doubled.length + found.foreign.length
    const done = sums.get(stage)?.['done'] ?? 0
    if (done !== due.length) wrong.push(`totals of ${stage} say ${done} of ${due.length}`)
  }
  const { lost: kept, doubled: twice, foreign } = compared(rejected, dead)
  if (kept.length + twice.length + foreign.length > 0)
    wrong.push(`rejects: ${kept.length} missing, ${twice.length} doubled, others: ${foreign.slice(0, 5).join(' ')}`)
  return { seen, lost, doubled, rejects: dead.sort(), counted: sums.get('copy')?.['done'] ?? 0, wrong }
}

/** The ids among these records that a stage has settled, by what the group's offsets and notes say. */
export const settledIds = async ({ log, prefix }: Places, at: (typeof stages)[number], records: readonly Seen[]) => {
  const named = names(prefix, 's')
  const settled = await log.settled(named.group(at.stage), named.topic(at.from))
  const ahead = settled.map((each) => new Set(each ? readNote(each.position, each.note).ahead : []))
  return records
    .filter(({ partition, offset }) => {
      const before = settled[partition]?.position ?? 0
      return offset < before || ahead[partition]?.has(offset)
    })
    .map(idOf)
}
