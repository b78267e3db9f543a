/** A vLLM server through the openai client; what vLLM adds to that API stands at the top level of a request. */
import { readFileSync } from 'node:fs'
import OpenAI from 'openai'
import { Agent, fetch } from 'undici'
import { Fatal, sentence } from '../../runtime/errors.ts'
import { translated } from './failures.ts'
import type { Address } from './members.ts'
import { completionOf, loadOf, ModelsReply, read, TextReply, TokensReply, VersionReply } from './replies.ts'
import { maxPrompts, type CompletionRequest, type Server } from './server.ts'

export interface ClientOptions {
  readonly address: Address
  /** Served name of the model; undefined: the only one that is served. */
  readonly model?: string | undefined
  readonly apiKey?: string | undefined
  /** File with the certificates to trust (PEM). */
  readonly ca?: string | undefined
  /** Connections at most (default 64). */
  readonly connections?: number
}

/** Below the five seconds after which vLLM's HTTP server hangs up: a request must not meet a closing connection. */
const idle = 4_000

const certificates = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Fatal(`the certificates ${path} cannot be read (${sentence(error)}): set vllm.ca to a PEM file`)
  }
}

const agentOf = ({ address: { at }, ca, connections = 64 }: ClientOptions): Agent =>
  new Agent({
    connections,
    pipelining: 1,
    keepAliveTimeout: idle,
    keepAliveMaxTimeout: idle,
    headersTimeout: 0, // calls bring their own time limits, as signals
    bodyTimeout: 0,
    connect: {
      timeout: 5_000,
      ...(ca === undefined ? {} : { ca: certificates(ca) }),
      ...(at === undefined
        ? {}
        : {
            lookup: (_name, options, done) =>
              options.all ? done(null, [{ address: at, family: at.includes(':') ? 6 : 4 }]) : done(null, at, 4),
          }),
    },
  })

/** Everything that a model's own generation settings could change. */
const greedy = {
  temperature: 0,
  top_p: 1,
  top_k: 0,
  min_p: 0,
  presence_penalty: 0,
  frequency_penalty: 0,
  repetition_penalty: 1,
}

const bodyOf = (model: string, request: CompletionRequest) => {
  const { prompts, maxTokens, wanted, likeliest, stop, ignoreEnd, extra } = request
  const looking = maxTokens === 1 && extra === undefined && (wanted ?? likeliest) !== undefined
  return {
    ...greedy,
    model,
    prompt: prompts,
    max_tokens: maxTokens,
    return_tokens_as_token_ids: true,
    // Rows that are only looked at must not be looked at after a greedy choice has masked the others.
    ...(looking && { temperature: 1 }),
    ...(wanted && { logprobs: 1, logprob_token_ids: wanted }),
    ...(likeliest !== undefined && { logprobs: likeliest }),
    ...(wanted === undefined && likeliest === undefined && { return_token_ids: true }),
    ...(stop && stop.length > 0 && { stop }),
    ...(ignoreEnd && { ignore_eos: true }),
    ...(extra && { vllm_xargs: extra }),
  }
}

/** One server, once its model's name is known. */
export const openServer = (options: ClientOptions): Server => {
  const { address, apiKey } = options
  const { key: name, url: root } = address
  const agent = agentOf(options)
  const client = new OpenAI({
    baseURL: `${root}/v1`,
    apiKey: apiKey ?? 'none',
    // What the environment holds for OpenAI's own service is not for this server.
    ...{ organization: null, project: null, adminAPIKey: null, webhookSecret: null },
    maxRetries: 0, // the runtime owns retries
    timeout: 2 ** 31 - 1,
    fetch: fetch as unknown as typeof globalThis.fetch,
    fetchOptions: { dispatcher: agent } as object,
    logLevel: 'off',
  })
  const asked = async <T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted()
    try {
      return await ask()
    } catch (error) {
      throw translated(name, error, signal)
    }
  }
  const post = (path: string, body: object, signal: AbortSignal) =>
    asked(signal, () => client.post<unknown>(`${root}${path}`, { body, signal }))
  const get = (path: string, signal: AbortSignal) =>
    asked(signal, () => client.get<unknown>(`${root}${path}`, { signal }))

  let found: Promise<string> | undefined
  const models = async (signal: AbortSignal) => read(ModelsReply, await get('/v1/models', signal), name).data
  const modelOf = (served: readonly { id: string }[]): string => {
    const wanted = options.model
    const ids = served.map(({ id }) => id)
    const list = ids.length > 0 ? ids.join(', ') : 'none'
    if (wanted !== undefined && !ids.includes(wanted))
      throw new Fatal(
        `${name} does not serve the model ${wanted} (it serves ${list}): set vllm.model to one of its own`,
      )
    if (wanted === undefined && ids.length !== 1)
      throw new Fatal(`${name} serves ${ids.length} models (${list}): say which with vllm.model`)
    return wanted ?? ids[0]!
  }
  const model = (signal: AbortSignal): Promise<string> => {
    if (options.model !== undefined) return Promise.resolve(options.model)
    found ??= models(signal).then(modelOf)
    found.catch(() => (found = undefined))
    return found
  }

  return {
    name,
    async complete(request, signal) {
      if (request.prompts.length > maxPrompts) throw new RangeError(`${request.prompts.length} prompts in one request`)
      const body = bodyOf(await model(signal), request)
      // Typed by the client for OpenAI's own parameters; vLLM takes more, and prompts as lists of token ids.
      const create = () =>
        client.completions.create(body as unknown as OpenAI.CompletionCreateParamsNonStreaming, { signal })
      return completionOf(await asked(signal, create), request.prompts.length, name)
    },
    async tokenize(text, special, signal) {
      const body = { model: await model(signal), prompt: text, add_special_tokens: special }
      return read(TokensReply, await post('/tokenize', body, signal), name).tokens
    },
    async detokenize(tokens, signal) {
      const body = { model: await model(signal), tokens }
      return read(TextReply, await post('/detokenize', body, signal), name).prompt
    },
    async conversation(messages, signal) {
      const chat_template_kwargs = { enable_thinking: false, date_string: '01 Jan 2025' }
      const body = { model: await model(signal), messages, add_generation_prompt: true, chat_template_kwargs }
      return read(TokensReply, await post('/tokenize', body, signal), name).tokens
    },
    async served(signal) {
      const [all, { version }] = [await models(signal), read(VersionReply, await get('/version', signal), name)]
      const id = modelOf(all)
      found = Promise.resolve(id) // it may have been started again under another name
      const contextSize = all.find((each) => each.id === id)?.max_model_len
      if (!contextSize) throw new Fatal(`${name} does not say how many tokens its context holds: is it vLLM?`)
      return { model: id, contextSize, version }
    },
    async health(signal) {
      await get('/health', signal)
    },
    async load(signal) {
      const text = await get('/metrics', signal).catch(() => undefined)
      return typeof text === 'string' ? loadOf(text) : undefined
    },
    close: () => agent.destroy(),
  }
}
