/** Which collections of passages a stream writes to and searches. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { currentSearch, unsearchable } from '../adapters/current.ts'
import { otherEncoder, sameEncoder } from '../adapters/encoders.ts'
import { openCollections } from '../adapters/store/index.ts'
import { aliasName, collectionName } from '../method/collection.ts'
import type { CollectionManifest, Collections, EmbedderIdentity, PassageStore } from '../method/ports.ts'
import { Fatal, Rejected } from '../runtime/errors.ts'
import { home, type Config } from './config.ts'
import { folder } from './engines.ts'
import { milvusAccess } from './milvus.ts'

/** Under which searches find the current collection. */
export const aliasOf = ({ store, prefix }: Config): string => store.collection ?? aliasName(`${prefix}_passages`)

const folderOf = ({ data }: Config, alias: string) => join(data, 'passages', alias)

const engines: Record<Config['store']['engine'], (config: Config, alias: string) => Promise<Collections>> = {
  embedded: (config, alias) => {
    folder(config.data)
    const index = config.store.index === 'hnsw' ? 'hnsw' : 'flat'
    return openCollections({ folder: folderOf(config, alias), index })
  },
  milvus: async (config, alias) => {
    // Of all processes of this user, whatever their data folders: the server has one writer at a time.
    const locks = join(home(process.env), 'locks')
    // Its SDK takes a quarter of a second to load, which is for those who use it.
    const [access, { openMilvusCollections }] = await Promise.all([
      milvusAccess(config),
      import('../adapters/milvus/index.ts'),
    ])
    return openMilvusCollections({ ...access, alias, index: config.store.index, locks })
  },
}

/** Has anything been indexed on this machine? A look is to make nothing. */
export const isBegun = (config: Config): boolean =>
  config.store.engine !== 'embedded' || existsSync(folderOf(config, aliasOf(config)))

/** Where the collections of a configuration are. @throws Unavailable or Fatal when it cannot be had. */
export const openPlace = (config: Config): Promise<Collections> => engines[config.store.engine](config, aliasOf(config))

export interface Stores {
  readonly alias: string
  readonly collections: Collections
  /** Of the current collection, whichever that is. */
  readonly search: ReturnType<typeof currentSearch>
  /** A collection that is opened once, and closed with the others. */
  open(name: string, signal: AbortSignal): Promise<PassageStore>
  /** What records without a collection of their own are written to: the current one and those that are built aside. */
  live(signal: AbortSignal): Promise<readonly PassageStore[]>
  close(): Promise<void>
}

/** What is noted of a collection that is begun now. */
export const beginning = (encoder: EmbedderIdentity, corpus: CollectionManifest['corpus']): CollectionManifest => ({
  ...{ encoder, corpus, state: 'building', loaded: 0, made_at: Date.now() },
})

/** Milliseconds between looks at which collections there are. */
const lookEvery = 1000

/** @throws Unavailable or Fatal when the place of the collections cannot be had. */
export const openStores = async (config: Config, encoder: EmbedderIdentity): Promise<Stores> => {
  const alias = aliasOf(config)
  const collections = await openPlace(config)
  const search = currentSearch({ collections, encoder })
  const opened = new Map<string, Promise<PassageStore>>()
  let seen: { at: number; stores: Promise<readonly PassageStore[]> } | undefined

  /** Vectors of two encoders in one collection could not be told apart any more. */
  const checked = async (name: string, signal: AbortSignal) => {
    const theirs = (await collections.find(name, signal))?.manifest.encoder
    if (theirs && !sameEncoder(theirs, encoder)) throw new Fatal(otherEncoder(name, collections.name, theirs, encoder))
    return collections.open(name, signal)
  }
  const open = (name: string, signal: AbortSignal) => {
    const found = opened.get(name) ?? checked(name, signal)
    opened.set(name, found)
    found.catch(() => opened.delete(name))
    return found
  }
  /** A stream whose passages come from outside needs nobody who begins a collection for it. */
  const first = async (signal: AbortSignal) => {
    const name = collectionName(alias, 'stream')
    await collections.create(name, beginning(encoder, null), signal)
    await collections.seal(name, signal)
    await collections.promote(name, signal)
  }
  const look = async (signal: AbortSignal) => {
    if (!(await collections.find(undefined, signal))) await first(signal)
    const all = await collections.list(signal)
    const wanted = all.filter(
      ({ current, manifest }) => current || (manifest.state === 'building' && sameEncoder(manifest.encoder, encoder)),
    )
    return Promise.all(wanted.map(({ name }) => open(name, signal)))
  }
  return {
    ...{ alias, collections, search, open },
    live: (signal) => {
      if (!seen || performance.now() - seen.at > lookEvery) {
        const stores = look(signal)
        seen = { at: performance.now(), stores }
        stores.catch(() => (seen = undefined))
      }
      return seen.stores
    },
    async close() {
      await search.close()
      for (const one of opened.values()) await (await one).close()
      await collections.close()
    },
  }
}

/**
 * Where passages of a run belong.
 * @param collectionOf the run's own collection; empty: none
 */
export const targets = (stores: Stores, collectionOf: (run: string) => Promise<string>) => {
  const looked = new Map<string, number>()
  const checkThere = async (name: string, run: string, signal: AbortSignal) => {
    const now = performance.now()
    if (now - (looked.get(name) ?? -Infinity) < lookEvery) return
    if (!(await stores.collections.find(name, signal)))
      throw new Rejected(`run ${run} is for the collection ${name}, which was dropped`)
    looked.set(name, now)
  }
  return async (run: string, signal: AbortSignal): Promise<readonly PassageStore[]> => {
    const own = run === '' ? '' : await collectionOf(run)
    if (own === '') return stores.live(signal)
    await checkThere(own, run, signal)
    return [await stores.open(own, signal)]
  }
}

/** @throws Fatal while there is nothing to search: for commands that end, and would wait for ever */
export const checkSearchable = async ({ collections }: Stores, signal: AbortSignal): Promise<void> => {
  const why = await unsearchable(collections, signal)
  if (why !== undefined) throw new Fatal(why)
}
