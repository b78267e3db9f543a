/** What readers see, counted by id, against what had to be there. */
import { confluentRegistry } from '../../adapters/registry/index.ts'
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

/**
 * What two readers see that share nothing: the adapter's, which waits for transactions that a dead process left open,
 * and then kafkajs's own consumer.
 * @throws Error when they do not see the same
 */
export const seenIn = async ({ log, brokers }: Pick<Places, 'log' | 'brokers'>, topic: string): Promise<Seen[]> => {
  const places = new Set<string>()
  for await (const { partition, position } of log.read(topic)) places.add(`${partition}/${position}`)
  const seen = await everything(brokers, topic)
  const others = seen.filter(({ partition, offset }) => !places.delete(`${partition}/${offset}`))
  if (places.size + others.length === 0) return seen
  throw new Error(`two readers of ${topic} disagree: ${places.size} and ${others.length} records only one has seen`)
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
