/**
 * A simulated vLLM server: a process of its own that speaks what the adapter uses of vLLM 0.32, in time that looks real,
 * and that can be told to misbehave. Its model is arithmetic (`model.ts`), so that every figure is known beforehand.
 *
 *     node test/vllm/simulated.ts --port N [--prefill TOKENS_PER_SECOND] [--decode MS] [--seats N] [--context N]
 *                                 [--seed N] [--rows BYTES] [--no-plugin] [--faults JSON] [--tell]
 *
 * `GET /simulated` says what it has seen, `POST /simulated` with some of `Faults` changes how it behaves. With --tell it
 * writes a line for each connection and each completion, which outlives a kill.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { parseArgs } from 'node:util'
import { answer, askedOf, stepsOf, wrong, type Asked } from './completions.ts'
import { faults, type Faults } from './faults.ts'
import { conversation, detokenized, hashOf, tokenized, vocabulary } from './model.ts'
import { plugin } from './plugin.ts'
import { queue } from './queue.ts'
import { completion, invalid, metricsText, modelList, notFound, Refused, unavailable, type Written } from './replies.ts'

const { values } = parseArgs({
  allowNegative: true,
  options: {
    port: { type: 'string', default: '0' },
    prefill: { type: 'string', default: '100000' },
    decode: { type: 'string', default: '1' },
    seats: { type: 'string', default: '32' },
    context: { type: 'string', default: '4096' },
    seed: { type: 'string', default: '7' },
    rows: { type: 'string', default: String(16 * 1024 * 1024) },
    plugin: { type: 'boolean', default: true },
    faults: { type: 'string', default: '{}' },
    tell: { type: 'boolean', default: false },
  },
})

const model = 'm'
const version = '0.32.0-simulated'
const [seed, context] = [Number(values.seed), Number(values.context)]
const about = {
  protocol: 1,
  plugin: '0.1.0',
  runner: 'simulated',
  vllm: version,
  model: 'simulated',
  revision: `seed ${seed}`,
}
const kinds = { dtype: 'float32', vocab: vocabulary, block: 32, context }
const plug = plugin({ seed, limit: Number(values.rows), about: { ...about, ...kinds } })
const wrongs = faults({ plugin: values.plugin, ...(JSON.parse(values.faults) as Partial<Faults>) }, plug.forget)
const waiting = queue({
  ...{ prefill: Number(values.prefill), decode: Number(values.decode), seats: Number(values.seats) },
  slowness: () => wrongs.state.slow,
})
const seen = { connections: 0, requests: 0, completions: 0, prompts: 0, aborted: 0 }
const tell = (what: string) => void (values.tell && process.stdout.write(`${what}\n`))

type Body = Readonly<Record<string, unknown>>

const bodyOf = async (request: IncomingMessage): Promise<Body> => {
  if (!request.headers['content-type']?.startsWith('application/json'))
    throw invalid("1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed", null)
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  try {
    return JSON.parse(Buffer.concat(parts).toString()) as Body
  } catch {
    throw invalid(
      "1 validation error:\n  {'type': 'json_invalid', 'loc': 'body.0', 'msg': 'JSON decode error'}",
      'body.0',
    )
  }
}

const checkModel = (body: Body) => {
  const asked = body['model']
  if (typeof asked === 'string' && asked !== model) throw notFound(asked, model)
}

/** Aborts when whoever asked has gone. */
const attention = (response: ServerResponse): AbortSignal => {
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) seen.aborted++
    gone.abort()
  })
  return gone.signal
}

const never = new Promise<never>(() => {})

const die = () => {
  if (wrongs.state.by === 'exit') process.exit(1)
  process.kill(process.pid, 'SIGKILL')
}

const writtenFor = (asked: Asked, signal: AbortSignal): Promise<Written[]> =>
  Promise.all(
    asked.prompts.map(async (prompt) => {
      const size = { hash: hashOf(seed, prompt), tokens: prompt.length }
      await waiting.taken(size, stepsOf(seed, prompt, asked), signal)
      return signal.aborted ? never : answer(seed, plug, prompt, asked)
    }),
  )

const complete = async (body: Body, response: ServerResponse): Promise<object> => {
  checkModel(body)
  const { state } = wrongs
  const asked = askedOf(body, context, state.plugin)
  seen.completions++
  seen.prompts += asked.prompts.length
  tell('completion')
  if (wrongs.kills(asked.prompts)) die()
  if (wrongs.hangs(asked.prompts)) return never
  if (state.queue !== null && waiting.waiting > state.queue)
    throw unavailable('The server is overloaded, try again later')
  const done = await writtenFor(asked, attention(response))
  const said = wrongs.next('wrongTokens') ? done.map(wrong) : done
  const whole = wrongs.next('fewChoices') ? said.slice(0, -1) : said
  const tokens = asked.prompts.reduce((sum, { length }) => sum + length, 0)
  return completion(model, tokens, whole, asked.shape)
}

const tokenize = (body: Body) => {
  checkModel(body)
  const { prompt, messages } = body
  if (prompt === undefined && messages === undefined)
    throw invalid(
      "2 validation errors:\n  {'type': 'missing', 'loc': 'body.prompt', 'msg': 'Field required'}",
      'body.prompt',
    )
  const talk = () =>
    conversation(messages as { role: string; content: string }[], body['add_generation_prompt'] !== false)
  const tokens = tokenized(typeof prompt === 'string' ? prompt : talk())
  const strings = body['return_token_strs'] ? tokens.map((token) => detokenized([token])) : null
  return { count: tokens.length, max_model_len: context, tokens, token_strs: strings }
}

const detokenize = (body: Body) => {
  checkModel(body)
  if (!Array.isArray(body['tokens']))
    throw invalid(
      "1 validation error:\n  {'type': 'list_type', 'loc': 'body.tokens', 'msg': 'Input should be a valid list'}",
      'body.tokens',
    )
  return { prompt: detokenized(body['tokens'] as number[]) }
}

const control = (body: Body) => {
  wrongs.set(body)
  return wrongs.state
}
const report = () => ({
  ...seen,
  running: waiting.running,
  waiting: waiting.waiting,
  rows: plug.rows,
  faults: wrongs.state,
})

type Get = () => object | string
type Post = (body: Body, response: ServerResponse) => object | Promise<object>
const gets: Readonly<Record<string, Get>> = {
  '/health': () => '',
  '/version': () => ({ version }),
  '/v1/models': () => modelList(model, context),
  '/metrics': () => metricsText(model, waiting),
  '/simulated': report,
}
const posts: Readonly<Record<string, Post>> = {
  '/tokenize': tokenize,
  '/detokenize': detokenize,
  '/v1/completions': complete,
  '/simulated': control,
}

const handled = async (request: IncomingMessage, response: ServerResponse): Promise<object | string> => {
  const path = request.url ?? ''
  if (path !== '/simulated' && wrongs.state.deaf) return never
  if (path !== '/simulated' && wrongs.refuses()) throw unavailable('The server is not available (simulated)')
  const [get, post] = [gets[path], posts[path]]
  if (request.method === 'GET' && get) return get()
  if (request.method === 'POST' && post) return post(await bodyOf(request), response)
  const status = get || post ? 405 : 404
  throw Object.assign(new Refused(status, '', ''), {
    body: { detail: status === 405 ? 'Method Not Allowed' : 'Not Found' },
  })
}

const send = (response: ServerResponse, status: number, content: object | string, spoilt: boolean) => {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  const type = typeof content === 'string' ? 'text/plain; charset=utf-8' : 'application/json'
  const half = Buffer.from(text).subarray(0, text.length / 2)
  // Set by hand, so that no `Keep-Alive: timeout` goes along: the real server says nothing of it.
  response.setHeader('connection', 'keep-alive')
  if (spoilt && wrongs.next('cut')) {
    response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) })
    return void response.write(half, () => response.destroy())
  }
  const body = spoilt && wrongs.next('malformed') ? half : Buffer.from(text)
  response.writeHead(status, { 'content-type': type, 'content-length': body.length })
  response.end(body)
}

const server = createServer((request, response) => {
  seen.requests++
  tell('request')
  response.on('error', () => {})
  handled(request, response).then(
    (content) => {
      if (wrongs.state.deaf && request.url !== '/simulated') return // nor is what was under way answered
      send(response, 200, content, request.url === '/v1/completions')
    },
    (error: unknown) => {
      if (error instanceof Refused) return send(response, error.status, error.body, false)
      send(
        response,
        500,
        { error: { message: String(error), type: 'InternalServerError', param: null, code: 500 } },
        false,
      )
    },
  )
})
server.keepAliveTimeout = 5_000
server.on('connection', () => {
  seen.connections++
  tell('connection')
})
server.listen(Number(values.port), '127.0.0.1', () => {
  const address = server.address()
  console.log(
    `simulated vLLM ${version} on http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
  )
})
