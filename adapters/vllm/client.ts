/** A vLLM server through the openai client; what vLLM adds to that API stands at the top level of a request. */
import type OpenAI from 'openai'
import { Fatal } from '../../runtime/errors.ts'
import { openHttp } from './http.ts'
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
  const name = options.address.key
  const { client, asked, post, get, close } = openHttp({ ...options, setting: 'vllm.ca' })

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
    close,
  }
}
