/** What a server answers, checked before anybody believes it. */
import { z } from 'zod'
import { Distrusted } from './failures.ts'
import type { Choice, Completion, Load } from './server.ts'

const figure = z.number()
const Logprobs = z.object({
  tokens: z.array(z.string()),
  top_logprobs: z.array(z.record(z.string(), figure)).nullish(),
})
export const CompletionReply = z.object({
  choices: z.array(
    z.object({
      index: z.int().min(0),
      text: z.string(),
      finish_reason: z.string().nullable(),
      logprobs: Logprobs.nullish(),
      token_ids: z.array(z.int()).nullish(),
    }),
  ),
  usage: z.object({
    prompt_tokens: z.int(),
    completion_tokens: z.int().nullish(),
    prompt_tokens_details: z.object({ cached_tokens: z.int().nullish() }).nullish(),
  }),
})
export const TokensReply = z.object({ tokens: z.array(z.int()) })
export const TextReply = z.object({ prompt: z.string() })
export const ModelsReply = z.object({
  data: z.array(z.object({ id: z.string(), max_model_len: z.int().nullish() })),
})
export const VersionReply = z.object({ version: z.string() })

/** @throws Distrusted that names what is missing. */
export const read = <T>(schema: z.ZodType<T>, reply: unknown, server: string): T => {
  const checked = schema.safeParse(reply)
  if (checked.success) return checked.data
  const { path, message } = checked.error.issues[0]!
  const at = path.length > 0 ? ` at ${path.join('.')}` : ''
  throw new Distrusted(`${server} answered something else than vLLM does${at}: ${message}`, { endpoint: server })
}

const prefix = 'token_id:'
const idOf = (text: string, server: string): number => {
  const id = text.startsWith(prefix) ? Number(text.slice(prefix.length)) : NaN
  if (Number.isInteger(id)) return id
  throw new Distrusted(`${server} answered the text of a token (${text.slice(0, 40)}) where its id was asked for`, {
    endpoint: server,
  })
}

type Reply = z.infer<typeof CompletionReply>

const choiceOf = ({ text, finish_reason, logprobs, token_ids }: Reply['choices'][number], server: string): Choice => ({
  text,
  finish: finish_reason ?? '',
  tokens: logprobs ? logprobs.tokens.map((token) => idOf(token, server)) : (token_ids ?? []),
  steps: (logprobs?.top_logprobs ?? []).map(
    (step) => new Map(Object.entries(step).map(([token, value]) => [idOf(token, server), value])),
  ),
})

/** @throws Distrusted when there is not exactly one choice for each prompt. */
export const completionOf = (reply: unknown, prompts: number, server: string): Completion => {
  const { choices, usage } = read(CompletionReply, reply, server)
  const sorted = choices.toSorted((a, b) => a.index - b.index)
  if (sorted.length !== prompts || sorted.some(({ index }, i) => index !== i))
    throw new Distrusted(`${server} answered ${choices.length} choices for ${prompts} prompts`, { endpoint: server })
  return {
    choices: sorted.map((choice) => choiceOf(choice, server)),
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? undefined,
    outputTokens: usage.completion_tokens ?? 0,
  }
}

/** Sum over a metric's series in Prometheus' text. */
const sumOf = (text: string, name: string): number | undefined => {
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'gm'))].map(([, value]) =>
    Number(value),
  )
  return values.length > 0 && values.every(Number.isFinite) ? values.reduce((a, b) => a + b, 0) : undefined
}

export const loadOf = (text: string): Load | undefined => {
  const running = sumOf(text, 'vllm:num_requests_running')
  const waiting = sumOf(text, 'vllm:num_requests_waiting')
  if (running === undefined || waiting === undefined) return undefined
  return { running, waiting, memory: sumOf(text, 'vllm:kv_cache_usage_perc') ?? 0 }
}
