/** What a server of embeddings can do: it is not asked, it is tried. */
import { createHash } from 'node:crypto'
import type { EmbedderIdentity } from '../../method/ports.ts'
import { Fatal, Rejected, sentence } from '../../runtime/errors.ts'
import { Distrusted } from '../vllm/failures.ts'
import { fingerprint, probes } from './fingerprint.ts'
import type { EmbeddingServer, Manner } from './server.ts'

/** How the model is used; what is undefined, the server decides. */
export interface ServedUsage {
  readonly query_prefix?: string | undefined
  readonly passage_prefix?: string | undefined
  readonly normalised?: boolean | undefined
  readonly max_tokens?: number | undefined
}

export interface Ability {
  readonly identity: EmbedderIdentity
  /** How it takes requests. */
  readonly manner: Manner
  /** What it cannot do that was asked for: sentences for a log. */
  readonly lacking: readonly string[]
}

/** Ways to put a request, the best first: what a server does not know it may refuse. */
const manners = ({ max_tokens, normalised }: ServedUsage): Manner[] => {
  const raw = normalised === false ? { use_activation: false } : {}
  const cut = [...(max_tokens === undefined ? [] : [max_tokens]), -1]
  return [
    ...cut.map((truncate_prompt_tokens) => ({ encoding_format: 'base64', truncate_prompt_tokens, ...raw }) as const),
    { encoding_format: 'base64' },
    { encoding_format: 'float' },
  ]
}

/** The first way that it takes, with what it made of the probes. */
const tried = async (server: EmbeddingServer, model: string, usage: ServedUsage, signal: AbortSignal) => {
  let refusal: unknown
  for (const manner of manners(usage)) {
    try {
      return { manner, vectors: (await server.embed({ model, texts: probes, manner }, signal)).vectors }
    } catch (error) {
      if (!(error instanceof Rejected)) throw error
      refusal = error
    }
  }
  throw new Fatal(`${sentence(refusal)}: is it a server of embeddings, as encoder.urls says?`, { cause: refusal })
}

const modelOf = async (server: EmbeddingServer, wanted: string | undefined, signal: AbortSignal): Promise<string> => {
  if (wanted !== undefined) return wanted
  const ids = await server.models(signal)
  if (ids.length === 1) return ids[0]!
  const list = ids.length > 0 ? ids.join(', ') : 'none'
  throw new Fatal(`${server.name} serves ${ids.length} models (${list}): say which with encoder.model`)
}

const isUnit = (vector: Float32Array) => Math.abs(Math.hypot(...vector) - 1) < 0.01

/** Does it cut a text that is longer than it was told? What a server does not know it may pass over in silence. */
const cuts = async (server: EmbeddingServer, model: string, manner: Manner, most: number, signal: AbortSignal) => {
  if (manner.truncate_prompt_tokens === undefined) return false
  try {
    const { tokens } = await server.embed({ model, texts: ['water '.repeat(most + 16)], manner }, signal)
    return tokens === undefined || tokens <= most
  } catch (error) {
    if (error instanceof Rejected) return false
    throw error
  }
}

const examine = async (
  server: EmbeddingServer,
  wanted: string | undefined,
  usage: ServedUsage,
  signal: AbortSignal,
): Promise<Ability> => {
  const model = await modelOf(server, wanted, signal)
  const { manner, vectors } = await tried(server, model, usage, signal)
  const units = vectors.every(isUnit)
  if (units && usage.normalised === false)
    throw new Fatal(
      `${server.name} brings vectors to length 1, but the encoder is to leave them as long as they come: set ` +
        `encoder.normalised to true, or let the server leave them (vLLM: --pooler-config '{"use_activation": false}')`,
    )
  const { query_prefix = '', passage_prefix = '', normalised = units, max_tokens = null } = usage
  const used = createHash('sha256')
    .update(JSON.stringify([query_prefix, passage_prefix, max_tokens]))
    .digest('hex')
  const holds = max_tokens === null || (await cuts(server, model, manner, max_tokens, signal))
  const revision = `${used.slice(0, 16)}.${fingerprint(vectors)}`
  return {
    identity: { model, revision, dimension: vectors[0]!.length, pooling: 'served', normalised },
    manner,
    lacking: holds
      ? []
      : [`${server.name} does not cut texts at ${max_tokens} tokens: longer ones are embedded whole or refused`],
  }
}

/** @throws Fatal with the sentence that says what to change; Unavailable while it is away. */
export const probe = async (...given: Parameters<typeof examine>): Promise<Ability> => {
  try {
    return await examine(...given)
  } catch (error) {
    if (error instanceof Rejected || (error instanceof Distrusted && error.refused))
      throw new Fatal(`${sentence(error)}: see encoder.urls, encoder.model and encoder.api_key`, { cause: error })
    throw error
  }
}
