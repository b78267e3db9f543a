/** The collection that is current, whichever that is: searches go on while another one is put in its place. */
import type { Collections, EmbedderIdentity, PassageSearch, PassageStore } from '../method/ports.ts'
import { Fatal, Unavailable } from '../runtime/errors.ts'
import { otherEncoder, sameEncoder } from './encoders.ts'

export interface CurrentOptions {
  readonly collections: Collections
  /** Of the questions. */
  readonly encoder: EmbedderIdentity
  /** Milliseconds between looks at which one it is. */
  readonly lookEvery?: number
}

interface Held {
  readonly name: string
  readonly store: PassageStore
  /** Searches under way. */
  users: number
  retired: boolean
}

/** Why nothing can be searched. */
const nothing = async (collections: Collections, signal: AbortSignal): Promise<string> => {
  const { name } = collections
  const building = (await collections.list(signal)).find(({ manifest }) => manifest.state === 'building')
  if (!building) return `there is no passage to search in ${name}: gainstream index <corpus> first`
  const { manifest } = building
  const count = await collections.count(building.name, signal)
  const total = manifest.corpus ? ` of ${manifest.corpus.count}` : ''
  return `the collection ${building.name} in ${name} is still being built (${count}${total} passages): nothing is searched before it is whole`
}

/** What is wrong with searching now, as a sentence; undefined where nothing is. */
export const unsearchable = async (collections: Collections, signal: AbortSignal): Promise<string | undefined> =>
  (await collections.find(undefined, signal)) ? undefined : nothing(collections, signal)

/**
 * Searches of whichever collection is current: one that is promoted is found within `lookEvery`.
 * While there is none, searches fail as `Unavailable`; one of another encoder's vectors is `Fatal`.
 */
export const currentSearch = (options: CurrentOptions): PassageSearch & { close(): Promise<void> } => {
  const { collections, encoder, lookEvery = 1000 } = options
  let held: Held | undefined
  let looked = -Infinity
  let looking: Promise<Held> | undefined

  const release = (one: Held) => {
    if (one.retired && one.users === 0) void one.store.close()
  }
  const look = async (signal: AbortSignal): Promise<Held> => {
    const found = await collections.find(undefined, signal)
    if (!found) throw new Unavailable(await nothing(collections, signal), { endpoint: collections.name })
    looked = performance.now()
    if (held?.name === found.name) return held
    if (!sameEncoder(found.manifest.encoder, encoder))
      throw new Fatal(otherEncoder(found.name, collections.name, found.manifest.encoder, encoder))
    const next: Held = { name: found.name, store: await collections.open(found.name, signal), users: 0, retired: false }
    const before = held
    held = next
    if (before) {
      before.retired = true
      release(before)
    }
    return next
  }
  /** One look at a time; it belongs to nobody's signal, because others wait for it, too. */
  const freshest = () => {
    if (held && performance.now() - looked < lookEvery) return Promise.resolve(held)
    return (looking ??= look(new AbortController().signal).finally(() => (looking = undefined)))
  }
  const using = async <T>(search: (store: PassageStore) => Promise<T>, signal?: AbortSignal): Promise<T> => {
    signal?.throwIfAborted()
    const one = await freshest()
    one.users++
    try {
      return await search(one.store)
    } finally {
      one.users--
      release(one)
    }
  }
  return {
    near: (vector, k, signal) => using((store) => store.near(vector, k, signal), signal),
    match: (text, k, signal) => using((store) => store.match(text, k, signal), signal),
    holds: (ids, signal) => using(async (store) => store.holds?.(ids, signal), signal),
    count: () => using((store) => store.count()),
    async close() {
      await looking?.catch(() => {})
      if (!held) return
      held.retired = true
      release(held)
    },
  }
}
