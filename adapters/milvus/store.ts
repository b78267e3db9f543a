/** One collection of Milvus behind the port of the passage store. */
import { ConsistencyLevelEnum } from '@zilliz/milvus2-sdk-node'
import type { Near, PassageStore } from '../../method/ports.ts'
import { Rejected } from '../../runtime/errors.ts'
import { quiet, type Client } from './client.ts'
import { counted } from './counting.ts'
import { isOfRows } from './failures.ts'
import { kindOf, recipeOf, type IndexKind } from './indexes.ts'
import type { Lease } from './lease.ts'
import { loading } from './loading.ts'
import { most, ranked } from './ranked.ts'
import { among, checkVector, dense, matched, passageOf, rowOf, sparse, told } from './schema.ts'
import { writer } from './writer.ts'

export interface StoreOptions {
  readonly client: Client
  readonly collection: string
  readonly dimension: number
  readonly lease: Lease
  /**
   * Rows between flushes (default: none is asked for). Milvus Lite indexes the words of all rows that are not flushed
   * anew for each search: a tenth of a second for each thousand of them.
   */
  readonly flushEvery?: number
  /** It is not sealed yet, so that its index may become another one at any time (default: it is). */
  readonly building?: boolean
}

/** What was acknowledged is seen: a server of many nodes waits until it has heard of all writes before the search. */
const consistency_level = ConsistencyLevelEnum.Strong
/** Between looks at which index there is, in milliseconds: it changes when the collection is sealed. */
const lookEvery = 60_000
const never = new AbortController().signal

const checkCount = (k: number) => {
  if (k > most)
    throw new Rejected(`Milvus gives ${most} passages at most, and ${k} were asked for (retrieve.k, retrieve.depth)`)
}

/** @throws where the collection cannot be loaded */
export const openStore = async (options: StoreOptions, signal: AbortSignal): Promise<PassageStore> => {
  const { client, collection, dimension, lease, flushEvery = Infinity, building = false } = options
  const named = { collection_name: collection }
  const { load, loaded, failure } = loading(client, collection)

  const kindNow = async (signal: AbortSignal): Promise<IndexKind> => {
    const { index_descriptions } = await client.ask(
      (sdk, timeout) => sdk.describeIndex({ ...named, field_name: dense, timeout }),
      { signal },
    )
    const described = index_descriptions.find(({ field_name }) => field_name === dense)
    const type = described?.params.find(({ key }) => key === 'index_type')?.value
    return kindOf(String(type)) ?? 'flat'
  }
  /**
   * Looks again now and then, and lets no search wait for it; where the index is about to change each search looks, for
   * with the settings of another one it would find too little.
   */
  const kind = async (signal: AbortSignal) => {
    if (building) known = await kindNow(signal).catch(() => known)
    else if (performance.now() - looked > lookEvery) {
      looked = performance.now()
      kindNow(never).then(
        (found) => (known = found),
        () => {}, // the search itself says what is wrong
      )
    }
    return known
  }
  const search = async (what: string, request: object, sign: 1 | -1, signal: AbortSignal): Promise<Near[]> => {
    const { results } = await loaded(
      what,
      (sdk, timeout) =>
        sdk.search({ ...named, output_fields: told, consistency_level, timeout, ...quiet, ...request } as never),
      signal,
    )
    const list = results as readonly ({ readonly score: number } & Record<string, unknown>)[]
    return list.map((each) => ({ passage: passageOf(each), score: sign * each.score }))
  }
  /** Refused rows are the writer's business, which looks for the one at fault. */
  const write = (what: string, work: Parameters<Client['ask']>[0]) =>
    client.ask(work).catch(async (error: unknown) => {
      throw isOfRows(error) ? error : await failure(error, what)
    })
  let unflushed = 0
  const flush = async (rows: number) => {
    unflushed += rows
    if (unflushed < flushEvery) return
    unflushed = 0
    await write('to flush', (sdk) => sdk.flush({ ...named, collection_names: [collection] }))
  }
  const writes = writer(
    {
      upsert: async (rows) => {
        await write('to store passages', (sdk, timeout) =>
          sdk.upsert({ ...named, data: [...rows], timeout, ...quiet } as never),
        )
        await flush(rows.length)
      },
      remove: async (ids) =>
        void (await write('to remove passages', (sdk, timeout) =>
          sdk.delete({ ...named, filter: among(ids), timeout }),
        )),
    },
    lease,
  )
  await load(signal)
  let known = await kindNow(signal).catch((): IndexKind => 'flat')
  let looked = performance.now()
  return {
    name: `${collection} in ${client.name}`,
    upsert: async (rows, signal) => writes.upsert(rows.map((row) => rowOf(row, dimension)), signal), // prettier-ignore
    remove: (ids, signal) => writes.remove(ids, signal),
    near: async (vector, k, signal) => {
      checkVector('the query', vector, dimension)
      checkCount(k)
      if (k <= 0) return []
      const { search: params } = recipeOf(await kind(signal))
      const request = { anns_field: dense, data: [...vector], metric_type: 'IP' }
      return ranked(k, (limit) => search('to search', { ...request, limit, params: params(limit) }, 1, signal))
    },
    match: async (text, k, signal) => {
      signal.throwIfAborted()
      checkCount(k)
      const terms = matched(text)
      if (k <= 0 || terms === '') return []
      const request = { anns_field: sparse, data: terms, metric_type: 'BM25' }
      return ranked(k, (limit) => search('to match', { ...request, limit }, client.lite ? -1 : 1, signal))
    },
    holds: async (ids, signal) => {
      if (ids.length === 0) return []
      const request = { ...named, filter: among(ids), output_fields: ['id'], consistency_level }
      const { data } = await loaded(
        'to look for passages',
        (sdk, timeout) => sdk.query({ ...request, timeout }),
        signal,
      )
      return data.map(({ id }) => String(id))
    },
    count: () => counted(client, collection, never),
    close: () => writes.idle(),
  }
}
