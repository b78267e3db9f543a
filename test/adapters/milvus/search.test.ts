import { LoadState } from '@zilliz/milvus2-sdk-node'
import { expect, test } from 'vitest'
import type { Client } from '../../../adapters/milvus/client.ts'
import { openStore } from '../../../adapters/milvus/store.ts'

const { signal } = new AbortController()

/** A server that finds nothing, and says what it was asked; its index can be made another one. */
const asked = () => {
  const server = { index: 'FLAT', params: [] as unknown[] }
  const sdk = {
    loadCollection: () => Promise.resolve({}),
    getLoadState: () => Promise.resolve({ state: LoadState.LoadStateLoaded }),
    describeIndex: () =>
      Promise.resolve({
        index_descriptions: [{ field_name: 'dense', params: [{ key: 'index_type', value: server.index }] }],
      }),
    search: ({ params }: { params: unknown }) => Promise.resolve({ results: [], pushed: server.params.push(params) }),
  }
  const ask: Client['ask'] = (work) => work(sdk as never, 1)
  const client: Client = {
    name: 'M',
    lite: true,
    version: '',
    ask,
    call: (_, work) => ask(work),
    close: async () => {},
  }
  return { server, client }
}

test('a store that was opened while its collection was built searches the index that it gets with that index’s settings', async () => {
  const { server, client } = asked()
  const store = await openStore(
    { client, collection: 'docs', dimension: 2, lease: (work) => work(), building: true },
    signal,
  )
  await store.near(Float32Array.of(1, 0), 100, signal)
  server.index = 'HNSW'
  await store.near(Float32Array.of(1, 0), 100, signal)
  expect(server.params).toEqual([{}, { ef: 432 }])
})
