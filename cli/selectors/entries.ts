/** What the control topic says of selectors, and what is written there. */
import { Fatal, Rejected } from '../../runtime/errors.ts'
import { enter, Overtaken } from '../../runtime/source.ts'
import { pause } from '../../runtime/wait.ts'
import type { SelectorEntry } from '../../schemas/control.ts'
import { selectors } from '../../topics/index.ts'
import { sourceOf } from '../streams.ts'
import type { World } from '../world.ts'
import type { Wanted } from './keeper.ts'

/** What a stream has of selectors. */
export interface Known {
  readonly current: SelectorEntry | undefined
  /** By sha256, oldest first. */
  readonly versions: ReadonlyMap<string, SelectorEntry>
  /** Of the other streams under the prefix. */
  readonly elsewhere: ReadonlyMap<string, SelectorEntry>
}

/** Read to where the topic ends now. One that nobody can read hides no other. */
export const knownSelectors = async ({ tables, codec, names, observe }: World): Promise<Known> => {
  await tables.selectors.refresh()
  const entries: SelectorEntry[] = []
  for (const [key, bytes] of tables.selectors.entries()) {
    try {
      entries.push(await codec.decode(selectors, bytes))
    } catch (error) {
      if (!(error instanceof Rejected)) throw error
      observe.logger.warn({ key, error: error.message }, 'no entry of a selector; passed over')
    }
  }
  const isOurs = ({ stream }: SelectorEntry) => stream === names.stream
  const versions = entries.filter(({ kind }) => kind === 'version').sort((a, b) => a.entered_at - b.entered_at)
  const byHash = (some: SelectorEntry[]) => new Map(some.map((entry) => [entry.sha256, entry]))
  return {
    current: entries.find((entry) => isOurs(entry) && entry.kind === 'current'),
    versions: byHash(versions.filter(isOurs)),
    elsewhere: byHash(versions.filter((entry) => !isOurs(entry))),
  }
}

/** What a process is to do that finds this entry in force; undefined: nothing was promoted. */
export const wantedIn = (current: SelectorEntry | undefined): Wanted => ({
  champion: current?.sha256 ?? '',
  before: current?.previous ?? [],
  shadow: current?.shadow ? { sha256: current.shadow, share: current.shadow_share } : null,
})

/** Retrieval order, until something is promoted. */
const nothing = ({ names, now }: World): SelectorEntry => ({
  ...{ stream: names.stream, kind: 'current', name: 'retrieval order', sha256: '', uri: '', entered_at: now() },
  ...{ previous: [], shadow: null, shadow_share: 0, note: '' },
})

/**
 * Writes what `decide` makes of what is there, in one transaction: of two who do so at the same time, the second
 * decides anew.
 */
const changed = async (
  world: World,
  decide: (known: Known) => readonly SelectorEntry[],
  signal: AbortSignal,
): Promise<SelectorEntry> => {
  for (let left = 20; ; left--) {
    let written: readonly SelectorEntry[] = []
    const items = async function* (from: number) {
      written = decide(await knownSelectors(world))
      for (const entry of written) yield { message: selectors.message(entry), position: from + 1 }
    }
    const whole = { batch: { records: Infinity, bytes: Infinity } }
    try {
      await enter({ ...sourceOf(world, 'selectors', 'gainstream', signal), ...whole }, items)
      return written.at(-1)!
    } catch (error) {
      if (!(error instanceof Overtaken) || left === 0) throw error
      await pause(50 + Math.random() * 200, signal)
      signal.throwIfAborted()
    }
  }
}

/** Who is to be put in force or watched. */
export type Version = Pick<SelectorEntry, 'name' | 'sha256' | 'uri'>

const versionOf = (
  { names, now }: World,
  known: Known,
  { name, sha256, uri }: Version,
  note: string,
): SelectorEntry => ({
  ...nothing({ names, now } as World),
  ...{ kind: 'version', name, sha256, uri, note },
  entered_at: known.versions.get(sha256)?.entered_at ?? now(),
})

/** How many are remembered to go back to. */
const remembered = 100

/** Puts a selector in force; the one before is remembered. What was watched is watched on, unless it is this one. */
export const promote = (world: World, version: Version, note: string, signal: AbortSignal): Promise<SelectorEntry> =>
  changed(
    world,
    (known) => {
      const before = known.current ?? nothing(world)
      const { name, sha256, uri } = version
      const shadow = before.shadow === sha256 ? null : before.shadow
      const previous = before.sha256 === sha256 ? before.previous : [before.sha256, ...before.previous]
      return [
        versionOf(world, known, version, note),
        {
          ...{ ...before, kind: 'current', name, sha256, uri, note, entered_at: world.now() },
          ...{ shadow, shadow_share: shadow === null ? 0 : before.shadow_share },
          previous: previous.slice(0, remembered),
        },
      ]
    },
    signal,
  )

/** Puts the one before in force again. @throws Fatal where there was none */
export const rollback = (world: World, note: string, signal: AbortSignal): Promise<SelectorEntry> =>
  changed(
    world,
    ({ current, versions }) => {
      const [sha256, ...previous] = current?.previous ?? []
      if (!current || sha256 === undefined)
        throw new Fatal(`there is no selector to go back to in stream ${world.names.stream}`)
      const { name, uri } = versions.get(sha256) ?? nothing(world)
      const shadow = current.shadow === sha256 ? null : current.shadow
      const kept = { shadow, shadow_share: shadow === null ? 0 : current.shadow_share }
      return [{ ...current, ...kept, name, sha256, uri, note, previous, entered_at: world.now() }]
    },
    signal,
  )

/** Lets a selector be watched beside the one in force. @throws Fatal where it is in force itself */
export const watch = (world: World, version: Version, share: number, signal: AbortSignal): Promise<SelectorEntry> =>
  changed(
    world,
    (known) => {
      const current = known.current ?? nothing(world)
      if (current.sha256 === version.sha256)
        throw new Fatal(
          `${version.name} is in force in stream ${world.names.stream}: there is nothing to compare it with`,
        )
      return [versionOf(world, known, version, ''), { ...current, shadow: version.sha256, shadow_share: share }]
    },
    signal,
  )

/** Nothing is watched any more. */
export const unwatch = (world: World, signal: AbortSignal): Promise<SelectorEntry> =>
  changed(world, ({ current }) => [{ ...(current ?? nothing(world)), shadow: null, shadow_share: 0 }], signal)
