/** The Milvus of the tests, and collections of one's own in it. */
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openMilvusCollections, type MilvusOptions } from '../../../adapters/milvus/index.ts'
import type { CollectionManifest, Collections, EmbedderIdentity, PassageStore } from '../../../method/ports.ts'
import { encoder } from '../store/encoder.ts'

export const address = process.env['GAINSTREAM_TEST_MILVUS'] ?? '127.0.0.1:19530'

const { signal } = new AbortController()

/** An alias that nobody else has. */
export const ownAlias = (name: string) => `test_${name}_${randomUUID().replaceAll('-', '').slice(0, 12)}`

export const openPlace = (alias: string, more: Partial<MilvusOptions> = {}): Promise<Collections> =>
  openMilvusCollections({
    ...{ address, alias, index: 'auto', timeout: 60_000, locks: join(tmpdir(), 'gainstream-test-locks') },
    ...more,
  })

export const beginning = (some: Partial<EmbedderIdentity> = {}): CollectionManifest => ({
  ...{ encoder: encoder(some), corpus: null, state: 'building', loaded: 0, made_at: Date.now() },
})

/** Drops whatever an alias has. */
export const emptied = async (alias: string): Promise<void> => {
  const place = await openPlace(alias)
  for (const { name, current } of await place.list(signal)) {
    if (current) await place.create(`${alias}__last`, beginning(), signal).then(() => undefined)
    if (!current) await place.drop(name, signal)
  }
  await place.close()
}

/** A store with its own connection, in a collection that is made where it is absent. */
export const openStore = async (
  alias: string,
  dimension = 3,
  more: Partial<MilvusOptions> = {},
): Promise<PassageStore> => {
  const place = await openPlace(alias, more)
  const name = `${alias}__one`
  await place.create(name, beginning({ dimension }), signal)
  const store = await place.open(name, signal)
  const close = async () => {
    await store.close()
    await place.close()
  }
  return { ...store, close }
}
