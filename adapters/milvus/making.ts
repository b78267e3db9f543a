/** A collection with its indexes, made in steps of which each can be done again: one that was killed is finished later. */
import type { CollectionManifest } from '../../method/ports.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { Client } from './client.ts'
import { isIndexMissing, isThere, settled } from './failures.ts'
import { recipeOf, type IndexKind } from './indexes.ts'
import { ofAlias, propertiesOf } from './manifest.ts'
import { dense, fieldsOf, functions, sparse } from './schema.ts'

interface New {
  readonly name: string
  readonly alias: string
  readonly manifest: CollectionManifest
}

/** With its manifest: it is never there without one. */
const collection = async (client: Client, { name, alias, manifest }: New, signal: AbortSignal) => {
  const request = {
    ...{ collection_name: name, fields: fieldsOf(manifest.encoder.dimension), functions },
    ...{ consistency_level: 'Strong' as const, properties: { ...ofAlias(alias), ...propertiesOf(manifest) } },
  }
  await client
    .ask((sdk, timeout) => sdk.createCollection({ ...request, timeout }), { signal })
    .catch((error: unknown) => {
      if (!isThere(error)) throw settled(error, client.name, `to make the collection ${name}`)
    })
}

/** Fields that have an index, and of which type. */
const indexed = async (client: Client, name: string, signal: AbortSignal): Promise<Map<string, string>> => {
  const asked = client.ask((sdk, timeout) => sdk.describeIndex({ collection_name: name, timeout }), { signal })
  const found = await asked.catch((error: unknown) => {
    if (isIndexMissing(error)) return { index_descriptions: [] }
    throw settled(error, client.name, `to say which indexes ${name} has`)
  })
  const typeOf = (params: readonly { key: string | number; value: unknown }[]) =>
    String(params.find(({ key }) => key === 'index_type')?.value)
  return new Map(found.index_descriptions.map(({ field_name, params }) => [field_name, typeOf(params)]))
}

/** Which index there is to be is a setting: no other attempt would go better. */
const unbuilt = (error: unknown, client: Client, name: string) => {
  const known = settled(error, client.name, `to build an index of ${name}`)
  const refused = known instanceof Error && known.name === 'Error'
  return refused ? new Fatal(`${known.message}; see store.index`, { cause: error }) : known
}

const index = async (client: Client, name: string, field: string, request: object, signal: AbortSignal) => {
  const whole = { collection_name: name, field_name: field, index_name: field, ...request } as const
  await client
    .ask((sdk, timeout) => sdk.createIndex({ ...whole, timeout }), { signal })
    .catch((error: unknown) => {
      if (!isThere(error)) throw unbuilt(error, client, name)
    })
}

const ofVectors = (client: Client, name: string, kind: IndexKind, rows: number, signal: AbortSignal) => {
  const { type, build } = recipeOf(kind)
  return index(client, name, dense, { index_type: type, metric_type: 'IP', params: build(rows) }, signal)
}

/** While it is filled, vectors are compared one by one: an index that is built once is built better, and faster. */
const indexes = async (client: Client, name: string, signal: AbortSignal) => {
  const there = await indexed(client, name, signal)
  if (!there.has(dense)) await ofVectors(client, name, 'flat', 0, signal)
  if (there.has(sparse)) return
  const params = { bm25_k1: 0.9, bm25_b: 0.4 }
  await index(client, name, sparse, { index_type: 'SPARSE_INVERTED_INDEX', metric_type: 'BM25', params }, signal)
}

export const made = { collection, indexed, ofVectors, indexes }
