/** Answers in the shape of vLLM 0.32's, and its refusals word for word where an adapter could read them. */
import { detokenized } from './model.ts'

/** A request that is refused, as the server says it. */
export class Refused extends Error {
  readonly status: number
  readonly body: object
  constructor(status: number, type: string, message: string, param: string | null = null) {
    super(message)
    this.status = status
    this.body = { error: { message, type, param, code: status } }
  }
}

export const badRequest = (message: string, param: string | null = null) =>
  new Refused(400, 'BadRequestError', param ? `${message} (parameter=${param})` : message, param)
export const invalid = (message: string, param: string | null) => new Refused(400, 'Bad Request', message, param)
export const notFound = (model: string, served: string) =>
  new Refused(404, 'NotFoundError', `The model \`${model}\` does not exist. Valid aliases: ${served}.`, 'model')
export const unavailable = (message: string) => new Refused(503, 'ServiceUnavailableError', message)

/** What one prompt led to. */
export interface Written {
  readonly tokens: readonly number[]
  /** Per step the log-probabilities that were asked for; others are −∞. Undefined: none were asked for. */
  readonly steps: readonly ReadonlyMap<number, number>[] | undefined
  readonly finish: string
  readonly text: string
  readonly stopReason: string | null
}

/** JSON has no −∞. */
const impossible = -9999
const named = (token: number) => `token_id:${token}`

const logprobsOf = (tokens: readonly number[], steps: readonly ReadonlyMap<number, number>[], asIds: boolean) => {
  const name = asIds ? named : (token: number) => detokenized([token])
  const names = tokens.map(name)
  return {
    text_offset: names.map((_, i) => names.slice(0, i).join('').length),
    token_logprobs: tokens.map((token, i) => steps[i]!.get(token) ?? impossible),
    tokens: names,
    top_logprobs: tokens.map((token, i) => {
      const shown = new Map([[token, steps[i]!.get(token) ?? impossible], ...steps[i]!])
      return Object.fromEntries(Array.from(shown, ([of, value]): [string, number] => [name(of), value]))
    }),
  }
}

export interface Shape {
  readonly asIds: boolean
  readonly tokenIds: boolean
}

const choice = ({ tokens, steps, finish, text, stopReason }: Written, index: number, { asIds, tokenIds }: Shape) => ({
  ...{ index, text, logprobs: steps ? logprobsOf(tokens, steps, asIds) : null, finish_reason: finish },
  ...{ stop_reason: stopReason, token_ids: tokenIds ? tokens : null, prompt_logprobs: null },
  ...{ prompt_token_ids: null, routed_experts: null },
})

let asked = 0

export const completion = (model: string, promptTokens: number, all: readonly Written[], shape: Shape) => {
  const completionTokens = all.reduce((sum, { tokens }) => sum + tokens.length, 0)
  return {
    ...{ id: `cmpl-simulated${asked++}`, object: 'text_completion', created: Math.floor(Date.now() / 1000), model },
    choices: all.map((each, index) => choice(each, index, shape)),
    ...{ service_tier: null, system_fingerprint: 'vllm-0.32.0-simulated' },
    usage: {
      ...{ prompt_tokens: promptTokens, total_tokens: promptTokens + completionTokens },
      ...{ completion_tokens: completionTokens, prompt_tokens_details: null, completion_tokens_details: null },
    },
    ...{ kv_transfer_params: null, ec_transfer_params: null, metrics: null },
  }
}

export const modelList = (id: string, context: number) => ({
  object: 'list',
  data: [
    {
      id,
      object: 'model',
      created: 0,
      owned_by: 'vllm',
      root: '/models/simulated',
      parent: null,
      max_model_len: context,
    },
  ],
})

const gauge = (name: string, model: string, value: number) =>
  `# TYPE vllm:${name} gauge\nvllm:${name}{engine="0",model_name="${model}"} ${value}\n`

export const metricsText = (
  model: string,
  { running, waiting, use }: { running: number; waiting: number; use: number },
) =>
  gauge('num_requests_running', model, running) +
  gauge('num_requests_waiting', model, waiting) +
  gauge('kv_cache_usage_perc', model, use)
