import { workerData } from 'node:worker_threads'
import { serve } from '../thread/serve.ts'
import { encode } from './encode.ts'
import { uninterrupted } from './exits.ts'
import type { EncoderFolder } from './folder.ts'
import type { Handed } from './pool.ts'
import { openSession } from './session.ts'
import { openTokenizer } from './tokens.ts'

export interface EncoderWorker {
  readonly folder: EncoderFolder
  readonly threads: number
  readonly providers: readonly string[]
}

await serve(async () => {
  const { folder, threads, providers, exits } = workerData as Handed<EncoderWorker>
  const tokens = openTokenizer(folder.tokenizer, folder.settings.max_tokens)
  const options = { file: folder.model, threads, providers }
  const { session, provider, passedOver } = await uninterrupted(exits, () => openSession(options))
  const run = async (texts: readonly string[]) => {
    const ids = await tokens(texts)
    return uninterrupted(exits, () => encode(session, ids, folder.settings))
  }
  await run(['']) // a model that does not fit its settings fails here
  let last: Promise<unknown> = Promise.resolve()
  return {
    provider: () => ({ value: { provider, passedOver } }),
    encode: async (texts: readonly string[]) => {
      const vectors = run(texts)
      last = vectors.catch(() => undefined)
      return { value: await vectors, transfer: [(await vectors).buffer as ArrayBuffer] }
    },
    close: async () => {
      await last
      await session.release()
      return {}
    },
  }
})
