/**
 * A server of /v1/embeddings for tests: real HTTP and real vectors, which the ONNX encoder makes; the rest of it is
 * simulated: what it knows, refuses and says is told to it.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Embedder } from '../../../method/ports.ts'

export interface Body {
  readonly model: string
  readonly input: readonly string[]
  readonly encoding_format?: string
  readonly truncate_prompt_tokens?: number
  readonly use_activation?: boolean
}

export interface Serving {
  readonly embedder: Embedder
  /** Served names. */
  readonly models?: readonly string[]
  readonly apiKey?: string
  /** Parameters beyond OpenAI's that it refuses. */
  readonly refuses?: readonly string[]
  /** Texts with more words are refused, unless it is told to cut them. */
  readonly words?: number
  /** It knows no base64. */
  readonly digits?: boolean
  /** Called before it answers; what it returns is answered instead. */
  meddle?(body: Body, vectors: readonly Float32Array[]): unknown
}

export interface Served {
  readonly url: string
  /** Every request for vectors. */
  readonly asked: Body[]
  change(change: Partial<Serving>): void
  /** Requests that it was told to drop while it worked on them. */
  readonly dropped: () => number
  stop(): Promise<void>
}

const signal = new AbortController().signal

/** What a test has it answer instead. */
export class Answer {
  readonly status: number
  readonly body: unknown
  constructor(status: number, body: unknown) {
    this.status = status
    this.body = body
  }
}

const refusal = (status: number, message: string) => new Answer(status, { error: { message, code: status } })

const read = async (request: IncomingMessage): Promise<Body> => {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk)
  return JSON.parse(text) as Body
}

const wordsOf = (text: string) => text.split(/\s+/).length

const refused = ({ models = ['minilm'], refuses = [], words = Infinity, digits }: Serving, body: Body) => {
  if (!models.includes(body.model)) return refusal(404, `The model \`${body.model}\` does not exist.`)
  const unknown = refuses.find((name) => name in body)
  if (unknown !== undefined) return refusal(400, `Extra inputs are not permitted: ${unknown}`)
  if (digits && body.encoding_format === 'base64') return refusal(422, 'encoding_format must be float')
  const long = body.input.find((text) => wordsOf(text) > words)
  if (long === undefined || body.truncate_prompt_tokens !== undefined) return undefined
  return refusal(400, `This model's maximum context length is ${words} tokens.`)
}

/** A text that is short enough stays as it is, to the blank. */
const cut = (text: string, { truncate_prompt_tokens: most = Infinity }: Body, words = Infinity) => {
  const limit = Math.min(words, most < 0 ? Infinity : most)
  return wordsOf(text) <= limit ? text : text.split(/\s+/).slice(0, limit).join(' ')
}

const answer = async (serving: Serving, body: Body): Promise<Answer> => {
  const wrong = refused(serving, body)
  if (wrong) return wrong
  const input = body.input.map((text) =>
    body.truncate_prompt_tokens === undefined ? text : cut(text, body, serving.words),
  )
  const vectors = await serving.embedder.embed(input, 'passage', signal)
  const other = await serving.meddle?.(body, vectors)
  if (other !== undefined) return other instanceof Answer ? other : new Answer(200, other)
  const written = (vector: Float32Array) =>
    body.encoding_format === 'base64'
      ? Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')
      : [...vector]
  const data = vectors.map((vector, index) => ({ object: 'embedding', index, embedding: written(vector) }))
  const tokens = input.reduce((sum, text) => sum + wordsOf(text), 0)
  return new Answer(200, {
    object: 'list',
    model: body.model,
    data: data.toReversed(),
    usage: { prompt_tokens: tokens },
  })
}

export const serving = async (told: Serving): Promise<Served> => {
  let now = told
  let dropped = 0
  const asked: Body[] = []
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<Answer> => {
    if (now.apiKey !== undefined && request.headers.authorization !== `Bearer ${now.apiKey}`)
      return refusal(401, 'Unauthorized')
    if (request.url === '/v1/models') return new Answer(200, { data: (now.models ?? ['minilm']).map((id) => ({ id })) })
    const body = await read(request)
    asked.push(body)
    response.on('close', () => void (response.writableEnded || dropped++))
    return answer(now, body)
  }
  const http = createServer((request, response) => {
    void handle(request, response).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    asked,
    change: (change) => void (now = { ...now, ...change }),
    dropped: () => dropped,
    async stop() {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}
