/** What a collection holds, read from Milvus itself and not through the store that is tested. */
import { ConsistencyLevelEnum, MilvusClient } from '@zilliz/milvus2-sdk-node'
import { passageText } from '../../../method/prompt.ts'
import type { Passage } from '../../../schemas/passage.ts'
import { simulatedVector } from './vectors.ts'

const batch = 500

/** Sentences about each passage that is missing, is another one, or has another vector; and about rows too many. */
export const differences = async (address: string, name: string, corpus: readonly Passage[]): Promise<string[]> => {
  const client = new MilvusClient({ address, timeout: 120_000, telemetry: { enabled: false } })
  await client.connectPromise
  const found: string[] = []
  try {
    await client.loadCollectionSync({ collection_name: name })
    const { data } = await client.count({ collection_name: name })
    if (data !== corpus.length) found.push(`${name} has ${data} rows, the corpus ${corpus.length} passages`)
    for (let at = 0; at < corpus.length; at += batch) {
      const some = corpus.slice(at, at + batch)
      const answer = await client.query({
        ...{ collection_name: name, output_fields: ['id', 'title', 'text', 'dense'], limit: batch },
        filter: `id in [${some.map(({ id }) => JSON.stringify(id)).join(', ')}]`,
        consistency_level: ConsistencyLevelEnum.Strong,
      })
      const rows = new Map(answer.data.map((row) => [row['id'] as string, row]))
      for (const passage of some) {
        const row = rows.get(passage.id)
        if (!row) found.push(`passage ${passage.id} is missing`)
        else if (row['title'] !== passage.title || row['text'] !== passage.text) found.push(`${passage.id} differs`)
        else {
          const [there, wanted] = [row['dense'] as number[], simulatedVector(passageText(passage))]
          if (there.some((value, i) => Math.abs(value - wanted[i]!) > 1e-6)) found.push(`${passage.id}: another vector`)
        }
      }
    }
  } finally {
    await client.closeConnection()
  }
  return found
}
