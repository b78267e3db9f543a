/** `POST /v1/completions` of the simulated server: what is asked for, checked as vLLM checks it, and what is answered. */
import { detokenized, endToken, ranked, rowAfter, tokenized, vocabulary, written } from './model.ts'
import { gainOf, Malformed, type Gain, type plugin } from './plugin.ts'
import { badRequest, invalid, type Shape, type Written } from './replies.ts'

type Body = Readonly<Record<string, unknown>>

export interface Asked {
  readonly prompts: readonly (readonly number[])[]
  readonly maxTokens: number
  /** Of every step: the likeliest so many, and these. */
  readonly likeliest: number | undefined
  readonly wanted: readonly number[]
  readonly onwards: boolean
  readonly stop: readonly string[]
  readonly gain: Gain | undefined
  readonly shape: Shape
}

const isTokens = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((token) => Number.isInteger(token) && token >= 0)

const promptsOf = (prompt: unknown): number[][] => {
  if (typeof prompt === 'string') return [tokenized(prompt)]
  if (prompt === undefined || prompt === null)
    throw badRequest('Either prompt or prompt_embeds must be provided and non-empty.', 'prompt')
  if (Array.isArray(prompt) && prompt.length === 0) throw badRequest('You must pass at least one prompt')
  if (isTokens(prompt)) return [prompt]
  if (Array.isArray(prompt)) {
    if (prompt.every(isTokens)) return prompt
    if (prompt.every((each) => typeof each === 'string')) return prompt.map(tokenized)
  }
  throw invalid(
    "1 validation error:\n  {'type': 'int_type', 'loc': 'body.prompt.0', 'msg': 'Input should be a valid integer'}",
    'body.prompt.0',
  )
}

const checkPrompt = (prompt: readonly number[], context: number) => {
  if (prompt.length === 0) throw badRequest('The decoder prompt cannot be empty')
  const strange = prompt.find((token) => token >= vocabulary)
  if (strange !== undefined) throw badRequest(`Token id ${strange} is out of vocabulary`)
  if (prompt.length > context)
    throw badRequest(
      `This model's maximum context length is ${context} tokens. However, your prompt contains ${prompt.length} input ` +
        'tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt.',
      'input_tokens',
    )
}

const checkWanted = (wanted: readonly number[], likeliest: unknown) => {
  const name = 'logprob_token_ids'
  if (likeliest === undefined || likeliest === null)
    throw badRequest(`when using \`${name}\`, \`logprobs\` must be set.`, name)
  if (wanted.length > 128)
    throw badRequest(`Requested ${name} of length ${wanted.length}, which is greater than max allowed: 128`, name)
  const strange = wanted.filter((token) => token >= vocabulary)
  if (strange.length > 0)
    throw badRequest(
      `token_id(s) [${strange.join(', ')}] in ${name} contain out-of-vocab token ids. Vocabulary size: ${vocabulary}`,
      name,
    )
}

const gainIn = (body: Body, maxTokens: number): Gain | undefined => {
  try {
    return gainOf((body['vllm_xargs'] ?? {}) as Body, maxTokens)
  } catch (error) {
    throw error instanceof Malformed ? badRequest(error.message) : error
  }
}

/** @throws Refused */
export const askedOf = (body: Body, context: number, hasPlugin: boolean): Asked => {
  const prompts = promptsOf(body['prompt'])
  for (const prompt of prompts) checkPrompt(prompt, context)
  const room = context - Math.max(...prompts.map(({ length }) => length))
  const maxTokens = Math.min(Number(body['max_tokens'] ?? 16), room) // longer ones are cut without a word
  if (maxTokens < 1) throw badRequest(`max_tokens must be at least 1, got ${maxTokens}.`, 'max_tokens')
  const wanted = body['logprob_token_ids']
  if (isTokens(wanted)) checkWanted(wanted, body['logprobs'])
  const likeliest = body['logprobs'] as number | null | undefined
  return {
    ...{ prompts, maxTokens, likeliest: likeliest ?? undefined, wanted: isTokens(wanted) ? wanted : [] },
    onwards: body['ignore_eos'] === true,
    stop: [body['stop'] ?? []].flat() as string[],
    gain: hasPlugin ? gainIn(body, maxTokens) : undefined,
    shape: { asIds: body['return_tokens_as_token_ids'] === true, tokenIds: body['return_token_ids'] === true },
  }
}

/** The first stop text ends what is said; the token that completes it is the last one. */
const stopped = (tokens: readonly number[], stop: readonly string[]) => {
  for (let n = 1; n <= tokens.length; n++) {
    const text = detokenized(tokens.slice(0, n))
    const found = stop.find((each) => text.includes(each))
    if (found !== undefined) return { tokens: tokens.slice(0, n), text: text.slice(0, text.indexOf(found)), found }
  }
  return undefined
}

const looked = (row: Float32Array, token: number, asked: Asked): ReadonlyMap<number, number> => {
  const shown = [token, ...(asked.wanted.length > 0 ? asked.wanted : ranked(row).slice(0, asked.likeliest))]
  return new Map(shown.map((each) => [each, row[each]!]))
}

const generated = (seed: number, prompt: readonly number[], asked: Asked): Written => {
  const whole = written(seed, prompt, asked.maxTokens, asked.onwards)
  const stop = stopped(whole, asked.stop)
  const tokens = stop?.tokens ?? whole
  const ended = !asked.onwards && tokens.at(-1) === endToken
  const rowOf = (i: number) => rowAfter(seed, [...prompt, ...tokens.slice(0, i)])
  return {
    tokens,
    steps: asked.likeliest === undefined ? undefined : tokens.map((token, i) => looked(rowOf(i), token, asked)),
    finish: stop || ended ? 'stop' : 'length',
    text: stop?.text ?? detokenized(tokens.filter((token) => token !== endToken)),
    stopReason: stop?.found ?? null,
  }
}

/** What the plugin forces, and of what it says only what was asked for. */
const forced = (gain: Gain, steps: readonly ReadonlyMap<number, number>[], { wanted }: Asked): Written => ({
  tokens: gain.path,
  steps: steps.map((step, s) => {
    const shown = [gain.path[s]!, ...wanted]
    return new Map(shown.flatMap((token) => [[token, step.get(token) ?? -9999]]))
  }),
  finish: 'length',
  text: detokenized(gain.path),
  stopReason: null,
})

export const answer = (
  seed: number,
  plug: ReturnType<typeof plugin>,
  prompt: readonly number[],
  asked: Asked,
): Written => (asked.gain ? forced(asked.gain, plug.steps(asked.gain, prompt), asked) : generated(seed, prompt, asked))

/** Steps that a prompt takes, before they are taken. */
export const stepsOf = (seed: number, prompt: readonly number[], asked: Asked): number =>
  asked.gain ? asked.gain.path.length : written(seed, prompt, asked.maxTokens, asked.onwards).length

/** With another token in every step. */
export const wrong = (answered: Written): Written => ({
  ...answered,
  tokens: answered.tokens.map((token) => (token + 1) % vocabulary),
})
