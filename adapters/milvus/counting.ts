/** How many passages a collection holds, exactly: what was replaced or removed counts no more. */
import { ConsistencyLevelEnum } from '@zilliz/milvus2-sdk-node'
import type { Client } from './client.ts'
import { loading } from './loading.ts'

/** Loads it where it is not loaded. Milvus Lite walks through all rows for it. */
export const counted = async (client: Client, name: string, signal: AbortSignal): Promise<number> => {
  const consistency_level = ConsistencyLevelEnum.Strong
  const request = { collection_name: name, filter: '', output_fields: ['count(*)'], consistency_level }
  const { loaded } = loading(client, name)
  const { data } = await loaded(`to count ${name}`, (sdk, timeout) => sdk.query({ ...request, timeout }), signal)
  return Number(data[0]?.['count(*)'])
}
