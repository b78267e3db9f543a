/** Collections of one Milvus under one alias. */
import type { Collection, CollectionManifest, Collections } from '../../method/ports.ts'
import { Fatal } from '../../runtime/errors.ts'
import { described, sameEncoder } from '../encoders.ts'
import { aliases } from './aliases.ts'
import { connect, type MilvusAccess } from './client.ts'
import { counted } from './counting.ts'
import { isMissing } from './failures.ts'
import { impossible, type IndexSetting } from './indexes.ts'
import { lease as leaseOf, leaseFile, type Lease } from './lease.ts'
import { made } from './making.ts'
import { notedIn, propertiesOf, type Noted } from './manifest.ts'
import { sealed } from './sealing.ts'
import { openStore } from './store.ts'

export interface MilvusOptions extends MilvusAccess {
  readonly alias: string
  /** Of a collection that is sealed from now on. */
  readonly index: IndexSetting
  /** Where processes of this machine tell each other who writes; an absolute path. */
  readonly locks: string
}

/** @throws Unavailable where nobody answers, Fatal where we are not let in or the server cannot have the index */
export const openMilvusCollections = async (options: MilvusOptions): Promise<Collections> => {
  const { alias, address, database, locks, index } = options
  const client = await connect(options)
  const where = `${client.name}${database === undefined ? '' : `, database ${database}`}`
  const why = impossible(index, client)
  if (why !== undefined) {
    await client.close()
    throw new Fatal(why)
  }
  const pointer = aliases(client, alias)
  const leases = new Map<string, Lease>()
  const leaseFor = (name: string): Lease => {
    const file = client.lite ? leaseFile(locks, address, database, name) : undefined
    const own = leases.get(name) ?? leaseOf(locks, file)
    leases.set(name, own)
    return own
  }
  const noted = async (name: string, signal: AbortSignal): Promise<Noted | undefined> => {
    const asked = client.ask((sdk, timeout) => sdk.describeCollection({ collection_name: name, timeout }), { signal })
    const found = await asked.catch((error: unknown) => {
      if (isMissing(error)) return undefined
      throw error
    })
    if (!found) return undefined
    const own = notedIn(found.properties)
    if (own?.alias === alias) return own
    throw new Fatal(`${where} has a collection ${name} that is not one of ${alias}: choose another store.collection`)
  }
  const named = async (name: string, signal: AbortSignal): Promise<CollectionManifest> => {
    const found = await noted(name, signal)
    if (!found) throw new Fatal(`there is no collection ${name} in ${where}`)
    return found.manifest
  }
  const note = async (name: string, change: Partial<CollectionManifest>, signal: AbortSignal) => {
    await named(name, signal)
    const request = { collection_name: name, properties: propertiesOf(change) }
    await client.call(
      `to note something of ${name}`,
      (sdk, timeout) => sdk.alterCollectionProperties({ ...request, timeout }),
      { signal },
    )
  }
  const collection = async (name: string, current: boolean, signal: AbortSignal): Promise<Collection | undefined> => {
    const found = await noted(name, signal)
    return found && { name, manifest: found.manifest, current }
  }
  return {
    name: where,
    list: async (signal) => {
      const { data } = await client.call('to list collections', (sdk, timeout) => sdk.showCollections({ timeout }), { signal }) // prettier-ignore
      const now = await pointer.current(signal)
      const names = data.map(({ name }) => name).filter((name) => name.startsWith(`${alias}__`))
      const all = names.map((name) => collection(name, name === now, signal).catch(ofAnother))
      return (await Promise.all(all)).flatMap((each) => each ?? []).toSorted(byAge)
    },
    find: async (name, signal) => {
      const now = await pointer.current(signal)
      const wanted = name ?? now
      return wanted === undefined ? undefined : collection(wanted, wanted === now, signal)
    },
    count: async (name, signal) => ((await noted(name, signal)) ? counted(client, name, signal) : 0),
    create: async (name, manifest, signal) => {
      await leaseFor(name)(async () => {
        if (!(await noted(name, signal))) await made.collection(client, { name, alias, manifest }, signal)
        const { encoder } = await named(name, signal)
        if (!sameEncoder(encoder, manifest.encoder))
          throw new Fatal(
            `the collection ${name} holds vectors of ${described(encoder)}, but the encoder in use is ` +
              `${described(manifest.encoder)}; use that encoder or index into another collection`,
          )
        await made.indexes(client, name, signal)
      })
    },
    open: async (name, signal) => {
      const { encoder, state } = await named(name, signal)
      await leaseFor(name)(() => made.indexes(client, name, signal))
      const searched = client.lite && state === 'ready'
      const how = { dimension: encoder.dimension, lease: leaseFor(name), ...(searched && { flushEvery: 4_000 }) }
      return openStore({ client, collection: name, building: state === 'building', ...how }, signal)
    },
    note,
    seal: async (name, signal, onProgress) => {
      const { encoder, corpus } = await named(name, signal)
      const what = { name, index, dimension: encoder.dimension, grows: corpus === null }
      await sealed(client, what, leaseFor(name), signal, onProgress)
      await note(name, { state: 'ready' }, signal)
    },
    promote: async (name, signal) => {
      if ((await named(name, signal)).state !== 'ready')
        throw new Fatal(`the collection ${name} is still being built: it can be made current when that is done`)
      await pointer.point(name, signal)
    },
    drop: async (name, signal) => {
      await named(name, signal)
      if ((await pointer.current(signal)) === name)
        throw new Fatal(`the collection ${name} is the current one: make another one current first`)
      await leaseFor(name)(() =>
        client.call(`to drop ${name}`, (sdk, timeout) => sdk.dropCollection({ collection_name: name, timeout })),
      )
    },
    close: () => client.close(),
  }
}

/** Names of one alias may begin as those of another do. */
const ofAnother = (error: unknown) => {
  if (error instanceof Fatal && error.message.includes('is not one of')) return undefined
  throw error
}

const byAge = (a: Collection, b: Collection) => a.manifest.made_at - b.manifest.made_at || (a.name < b.name ? -1 : 1)
