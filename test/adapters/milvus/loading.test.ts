import { LoadState } from '@zilliz/milvus2-sdk-node'
import { expect, test } from 'vitest'
import type { Client } from '../../../adapters/milvus/client.ts'
import { loading } from '../../../adapters/milvus/loading.ts'
import { Unavailable } from '../../../runtime/errors.ts'

/** A server that says one state after the other, and counts how often it was asked to load. */
const saying = (states: readonly LoadState[]) => {
  const said = { loads: 0, looks: 0 }
  const sdk = {
    loadCollection: () => Promise.resolve({ status: void said.loads++ }),
    getLoadState: () => Promise.resolve({ state: states[Math.min(said.looks++, states.length - 1)] }),
  }
  const ask: Client['ask'] = (work) => work(sdk as never, 1)
  return { said, client: { name: 'M', lite: true, version: '', ask, call: (_, work) => ask(work), close: async () => {} } satisfies Client } // prettier-ignore
}
const signal = AbortSignal.timeout(5_000)

test('a collection whose server was restarted while it was loaded is loaded again', async () => {
  const { said, client } = saying([LoadState.LoadStateNotLoad, LoadState.LoadStateLoading, LoadState.LoadStateLoaded])
  await loading(client, 'docs').load(signal)
  expect(said).toEqual({ loads: 2, looks: 3 })
})

test('nobody waits for a collection that was dropped while it was loaded', async () => {
  const { client } = saying([LoadState.LoadStateNotExist])
  const load = loading(client, 'docs').load(signal)
  await expect(load).rejects.toThrow(Unavailable)
  await expect(load).rejects.toThrow(/docs was dropped from M/)
})
