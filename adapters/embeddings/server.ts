/** One server of /v1/embeddings, as OpenAI defined it and vLLM and others have it. */
import { openHttp, type HttpOptions } from '../vllm/http.ts'
import { embeddingsOf, modelsOf, type Embeddings } from './replies.ts'

/** How a request is put; which way a server takes is tried out. */
export interface Manner {
  readonly encoding_format: 'base64' | 'float'
  /** vLLM's own: texts are cut at their end to so many tokens; -1: to what the model takes. */
  readonly truncate_prompt_tokens?: number
  /** vLLM's own: `false` gives vectors as long as they come. */
  readonly use_activation?: boolean
}

/**
 * Every call ends as Unavailable, as Rejected (it refused this request), or with the reason of its signal; what cannot be
 * right and what refuses us is `Distrusted`, an Unavailable. Aborting the signal aborts the request at the server.
 */
export interface EmbeddingServer {
  /** Without credentials; names it in errors and logs. */
  readonly name: string
  models(signal: AbortSignal): Promise<string[]>
  /** @param dimension that vectors must have, where it is known */
  embed(
    request: { readonly model: string; readonly texts: readonly string[]; readonly manner: Manner },
    signal: AbortSignal,
    dimension?: number,
  ): Promise<Embeddings>
  close(): Promise<void>
}

export const openEmbeddingServer = (options: Omit<HttpOptions, 'setting'>): EmbeddingServer => {
  const { asked, client, get, close } = openHttp({ ...options, setting: 'encoder.ca' })
  const name = options.address.key
  return {
    name,
    models: async (signal) => modelsOf(await get('/v1/models', signal), name),
    async embed({ model, texts, manner }, signal, dimension) {
      const create = () => client.embeddings.create({ model, input: [...texts], ...manner }, { signal })
      return embeddingsOf(await asked(signal, create), texts.length, name, dimension)
    },
    close,
  }
}
