/** What a server of embeddings answers, checked before anybody believes it. */
import { z } from 'zod'
import { Distrusted } from '../vllm/failures.ts'

const EmbeddingsReply = z.object({
  data: z.array(z.object({ index: z.int().min(0), embedding: z.union([z.string(), z.array(z.number())]) })),
  usage: z.object({ prompt_tokens: z.int().nullish() }).nullish(),
})
const ModelsReply = z.object({ data: z.array(z.object({ id: z.string() })) })

export interface Embeddings {
  /** In the order of the texts; all of one length, all finite. */
  readonly vectors: readonly Float32Array[]
  /** Of all texts together; undefined where the server does not say. */
  readonly tokens: number | undefined
}

const checked = <T>(schema: z.ZodType<T>, reply: unknown, server: string): T => {
  const found = schema.safeParse(reply)
  if (found.success) return found.data
  const { path, message } = found.error.issues[0]!
  const at = path.length > 0 ? ` at ${path.join('.')}` : ''
  throw new Distrusted(`${server} answered something else than /v1/embeddings does${at}: ${message}`, {
    endpoint: server,
  })
}

/** base64 of float32, least byte first: exact, and a quarter of the bytes that digits take. */
const decoded = (embedding: string | readonly number[]): Float32Array => {
  if (typeof embedding !== 'string') return Float32Array.from(embedding)
  const bytes = Buffer.from(embedding, 'base64')
  if (bytes.length % 4 !== 0) return new Float32Array(0)
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i))
}

/** What is wrong with the vectors, as the end of a sentence; undefined where nothing is. */
const wrongWith = (vectors: readonly Float32Array[], dimension: number | undefined): string | undefined => {
  const expected = dimension ?? vectors[0]?.length ?? 0
  const other = vectors.find(({ length }) => length !== expected || length === 0)
  if (other) return `a vector of ${other.length} numbers where ${expected} were expected`
  return vectors.every((vector) => vector.every(Number.isFinite)) ? undefined : 'a vector with numbers that are none'
}

/**
 * @param dimension that the vectors must have, where it is known
 * @throws Distrusted when there is not exactly one sound vector for each text
 */
export const embeddingsOf = (reply: unknown, texts: number, server: string, dimension?: number): Embeddings => {
  const { data, usage } = checked(EmbeddingsReply, reply, server)
  const sorted = data.toSorted((a, b) => a.index - b.index)
  const say = (what: string) => new Distrusted(`${server} answered ${what}`, { endpoint: server })
  if (sorted.length !== texts || sorted.some(({ index }, i) => index !== i))
    throw say(`${data.length} vectors for ${texts} texts, or twice the same`)
  const vectors = sorted.map(({ embedding }) => decoded(embedding))
  const wrong = wrongWith(vectors, dimension)
  if (wrong !== undefined) throw say(wrong)
  return { vectors, tokens: usage?.prompt_tokens ?? undefined }
}

/** Names under which models are served. */
export const modelsOf = (reply: unknown, server: string): string[] =>
  checked(ModelsReply, reply, server).data.map(({ id }) => id)
