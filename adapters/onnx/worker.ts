import { workerData } from 'node:worker_threads'
import { serve } from '../thread/serve.ts'
import { encode, openTokenizer } from './encode.ts'
import type { EncoderFolder } from './folder.ts'
import { openSession } from './session.ts'

export interface EncoderWorker {
  readonly folder: EncoderFolder
  readonly threads: number
  readonly providers: readonly string[]
}

await serve(async () => {
  const { folder, threads, providers } = workerData as EncoderWorker
  const tokens = openTokenizer(folder.tokenizer, folder.settings.max_tokens)
  const { session, provider, passedOver } = await openSession({ file: folder.model, threads, providers })
  await encode(session, await tokens(['']), folder.settings) // a model that does not fit its settings fails here
  return {
    provider: () => ({ value: { provider, passedOver } }),
    encode: async (texts: readonly string[]) => {
      const vectors = await encode(session, await tokens(texts), folder.settings)
      return { value: vectors, transfer: [vectors.buffer as ArrayBuffer] }
    },
    close: async () => {
      await session.release()
      return {}
    },
  }
})
