/** Bare requests, for tests of the servers themselves. */
/** What a server answered; text that is no JSON stands under `text`. */
export interface Reply {
  readonly status: number
  readonly body: Record<string, unknown>
}
export interface Choice {
  readonly text: string
  readonly finish_reason: string
  readonly stop_reason: string | null
  readonly token_ids: number[] | null
  readonly logprobs: { tokens: string[]; token_logprobs: number[]; top_logprobs: Record<string, number>[] } | null
}

/** Asks a server without any client's help. */
export const asked = async (url: string, path: string, body?: unknown): Promise<Reply> => {
  const headers = { 'content-type': 'application/json' }
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const reply = await fetch(url + path, body === undefined ? {} : { method: 'POST', headers, body: text })
  const said = await reply.text()
  return { status: reply.status, body: said.startsWith('{') ? (JSON.parse(said) as Reply['body']) : { text: said } }
}
