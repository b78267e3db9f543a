/**
 * A vLLM server without anything of ours in between: plain fetch, no plugin. It is what the scorer is compared with, and
 * where the benchmark gets prompts as token ids from.
 */
import { render, type PromptTemplate } from '../../method/prompt.ts'
import { Fatal, sentence } from '../../runtime/errors.ts'
import type { LabelQuery } from './material.ts'

/** A query as token ids: the prompt without a passage, the golds, and a prompt per passage. */
export interface TokenQuery {
  readonly base: readonly number[]
  readonly golds: readonly (readonly number[])[]
  readonly passages: readonly (readonly number[])[]
}

export interface Raw {
  readonly url: string
  readonly model: string
  /** Prefills the prompts in one request and throws the one token away. */
  prefill(prompts: readonly (readonly number[])[], signal: AbortSignal): Promise<void>
  tokens(query: LabelQuery, template: PromptTemplate, signal: AbortSignal): Promise<TokenQuery>
  /** Empties the prefix cache; false where the server has no such request (it needs VLLM_SERVER_DEV_MODE=1). */
  forget(signal: AbortSignal): Promise<boolean>
}

export interface RawOptions {
  readonly url: string
  readonly model?: string | undefined
  readonly apiKey?: string | undefined
}

type Json = Readonly<Record<string, unknown>>

const requester = ({ url, apiKey }: RawOptions) => {
  const headers = { 'content-type': 'application/json', ...(apiKey ? { authorization: `Bearer ${apiKey}` } : {}) }
  return async (path: string, body: Json | undefined, signal: AbortSignal): Promise<Response> => {
    const init = body ? { method: 'POST', body: JSON.stringify(body), headers, signal } : { headers, signal }
    return fetch(`${url}${path}`, init).catch((error: unknown) => {
      signal.throwIfAborted()
      const why = error instanceof Error && error.cause !== undefined ? sentence(error.cause) : sentence(error)
      throw new Fatal(`${url} cannot be reached (${why}): is a vLLM server running there?`, { cause: error })
    })
  }
}

const read = async (answer: Response, what: string): Promise<Json> => {
  if (answer.ok) return (await answer.json()) as Json
  const said = (await answer.text()).slice(0, 300).replace(/\s+/g, ' ')
  throw new Fatal(`${answer.url} refuses ${what}: ${answer.status} ${said}`)
}

const ids = (value: unknown): number[] => {
  if (Array.isArray(value) && value.every((id) => typeof id === 'number')) return value
  throw new Fatal('the server answered /tokenize without a list of token ids: is it vLLM?')
}

/** @throws Fatal with a sentence when the server is not there or not vLLM. */
export const connect = async (options: RawOptions, signal: AbortSignal): Promise<Raw> => {
  const url = options.url.replace(/\/+$/, '').replace(/\/v1$/, '')
  const request = requester({ ...options, url })
  const listed = (await read(await request('/v1/models', undefined, signal), 'to list its models'))['data']
  const names = Array.isArray(listed) ? listed.map((each: { id?: unknown }) => String(each.id)) : []
  const model = options.model ?? names[0]
  if (model === undefined || !names.includes(model))
    throw new Fatal(`${url} serves ${names.join(', ') || 'no model'}: name one of these with --model`)

  const tokenize = async (body: Json) =>
    ids((await read(await request('/tokenize', { model, ...body }, signal), 'to tokenise'))['tokens'])
  const chat = (template: PromptTemplate, question: string, passages: LabelQuery['passages']) => {
    const { system, user } = render(template, question, passages)
    const messages = [...(system === '' ? [] : [{ role: 'system', content: system }]), { role: 'user', content: user }]
    const extra = { add_generation_prompt: true, chat_template_kwargs: { enable_thinking: false } }
    return tokenize({ messages, ...extra })
  }
  return {
    url,
    model,
    async prefill(prompt, wanted) {
      const body = { model, prompt, max_tokens: 1, temperature: 0 }
      await read(await request('/v1/completions', body, wanted), 'to complete')
    },
    async tokens({ question, answers, passages }, template) {
      const [base, golds, prompts] = await Promise.all([
        chat(template, question, []),
        Promise.all(answers.map((prompt) => tokenize({ prompt, add_special_tokens: false }))),
        Promise.all(passages.map((passage) => chat(template, question, [passage]))),
      ])
      return { base, golds, passages: prompts }
    },
    async forget(wanted) {
      const answer = await request('/reset_prefix_cache', {}, wanted)
      return answer.ok && ((await answer.json()) as { success?: unknown }).success === true
    },
  }
}
