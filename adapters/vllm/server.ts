/** One vLLM server as the scorer and the reader see it. */

/** What a server was asked to complete; all sampling parameters that could change a figure are set by the adapter. */
export interface CompletionRequest {
  /** Token ids, one list per prompt; at most `maxPrompts`. */
  readonly prompts: readonly (readonly number[])[]
  readonly maxTokens: number
  /** Tokens whose log-probabilities are wanted at every step; none: no log-probabilities at all. */
  readonly wanted?: readonly number[]
  /** The likeliest this many at every step, instead of `wanted`. */
  readonly likeliest?: number
  readonly stop?: readonly string[]
  /** Go on after a token that ends a turn. */
  readonly ignoreEnd?: boolean
  /** For the plugin (python/gain-logits). */
  readonly extra?: Readonly<Record<string, string | number | readonly (string | number)[]>>
}

/** One prompt's completion. */
export interface Choice {
  readonly tokens: readonly number[]
  readonly text: string
  /** `stop`: a stop condition or the end of a turn; `length`: `maxTokens` were written. */
  readonly finish: string
  /** Per step: log-probability by token id. Empty when none were asked for. */
  readonly steps: readonly ReadonlyMap<number, number>[]
}

export interface Completion {
  /** In the order of the prompts. */
  readonly choices: readonly Choice[]
  readonly promptTokens: number
  /** Of them, what the server's prefix cache held; undefined where it does not say. */
  readonly cachedTokens: number | undefined
  readonly outputTokens: number
}

/** How busy a server is, from its own metrics. */
export interface Load {
  readonly running: number
  readonly waiting: number
  /** Share of its key-value memory in use, 0 to 1. */
  readonly memory: number
}

export interface Served {
  readonly model: string
  /** Tokens of a prompt and its answer. */
  readonly contextSize: number
  /** Of vLLM. */
  readonly version: string
}

/**
 * Every call ends as Unavailable (with `inFlight` when the server had the request and was lost or ran out of time), as
 * Rejected (it refused the request for good), or as Fatal (it refuses us: key, model name); malformed answers are
 * Unavailable. Aborting the signal aborts the request at the server.
 */
export interface Server {
  /** Without credentials; names it in errors, metrics and logs. */
  readonly name: string
  complete(request: CompletionRequest, signal: AbortSignal): Promise<Completion>
  /** `special`: with the tokens that the model's tokenizer puts around a text (a beginning of sequence). */
  tokenize(text: string, special: boolean, signal: AbortSignal): Promise<readonly number[]>
  detokenize(tokens: readonly number[], signal: AbortSignal): Promise<string>
  /** A conversation in the model's chat template, up to where the answer begins. @throws Rejected without a template. */
  conversation(messages: readonly { role: string; content: string }[], signal: AbortSignal): Promise<readonly number[]>
  served(signal: AbortSignal): Promise<Served>
  /** @throws Unavailable while it does not serve. */
  health(signal: AbortSignal): Promise<void>
  /** Undefined where its metrics cannot be read. */
  load(signal: AbortSignal): Promise<Load | undefined>
  /** Closes its connections. */
  close(): Promise<void>
}

/** Most prompts in one request. */
export const maxPrompts = 1024
