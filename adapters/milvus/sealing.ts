/** When all is written: the index that fits the number of passages takes the place of none. */
import { Fatal } from '../../runtime/errors.ts'
import { pause } from '../../runtime/wait.ts'
import type { Client } from './client.ts'
import { counted } from './counting.ts'
import { indexFor, recipeOf, type IndexKind, type IndexSetting } from './indexes.ts'
import type { Lease } from './lease.ts'
import { loading, long } from './loading.ts'
import { made } from './making.ts'
import { dense } from './schema.ts'

interface What {
  readonly name: string
  readonly index: IndexSetting
  readonly dimension: number
  /** With the stream, from nothing: an index that is there from the start. */
  readonly grows: boolean
}
type OnProgress = (done: number, total: number) => void

/** Until every row is in the index. */
const built = async (client: Client, name: string, signal: AbortSignal, onProgress?: OnProgress) => {
  const request = { collection_name: name, field_name: dense }
  for (let wait = 50; ; wait = Math.min(2 * wait, 5_000)) {
    signal.throwIfAborted()
    const { index_descriptions } = await client.call(
      `to say how far the index of ${name} is`,
      (sdk, timeout) => sdk.describeIndex({ ...request, timeout }),
      { signal },
    )
    const { state, indexed_rows, total_rows, index_state_fail_reason: why } = index_descriptions[0]!
    onProgress?.(Number(indexed_rows), Number(total_rows))
    if (state === 'Failed') throw new Fatal(`${client.name} cannot build the index of ${name}: ${why}`)
    if (state === 'Finished') return
    await pause(wait, signal)
  }
}

const replaced = async (client: Client, name: string, kind: IndexKind, rows: number, signal: AbortSignal) => {
  const named = { collection_name: name }
  const what = `to replace the index of ${name}`
  await client.call(what, (sdk, timeout) => sdk.releaseCollection({ ...named, timeout }), { signal })
  const request = { ...named, field_name: dense, index_name: dense }
  await client.call(what, (sdk, timeout) => sdk.dropIndex({ ...request, timeout }), { signal })
  await made.ofVectors(client, name, kind, rows, signal)
}

/** Killed at any point, it is done again from the start, and finds what it has done. */
export const sealed = async (
  client: Client,
  { name, index, dimension, grows }: What,
  lease: Lease,
  signal: AbortSignal,
  onProgress?: OnProgress,
): Promise<void> => {
  await lease(async () => {
    await made.indexes(client, name, signal)
    await client.call(`to flush ${name}`, (sdk) => sdk.flushSync({ collection_names: [name] }), { signal, ...long })
    const rows = await counted(client, name, signal)
    const size = { rows: grows ? Math.max(rows, 100_000) : rows, dimension }
    const kind = indexFor(index, size, client)
    const there = (await made.indexed(client, name, signal)).get(dense)
    if (there?.toUpperCase() !== recipeOf(kind).type) await replaced(client, name, kind, rows, signal)
  })
  await loading(client, name).load(signal)
  await built(client, name, signal, onProgress)
}
