/** What stands between the fleet and a real server that is to misbehave: it hands requests on, or does as it was told. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Agent, request as forward } from 'undici'
import { faults, type Faults } from '../../vllm/faults.ts'

export interface ProxyOptions {
  readonly upstream: string
  readonly faults?: Partial<Faults>
  /** The server dies of a request that was handed on. */
  onDeath(this: void): void
}

const never = new Promise<never>(() => {})

const bodyOf = async (request: IncomingMessage) => {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

const promptsIn = (body: Buffer) => {
  const { prompt } = JSON.parse(body.toString()) as { prompt: number[][] | string }
  return Array.isArray(prompt) ? prompt : []
}

interface Choices {
  choices: { logprobs: { tokens: string[] } | null }[]
}

export const proxy = async ({ upstream, faults: first = {}, onDeath }: ProxyOptions) => {
  const seen = { connections: 0, requests: 0, completions: 0 }
  const wrongs = faults(first, () => {})
  const agent = new Agent({ keepAliveTimeout: 4_000, connections: 128, headersTimeout: 0, bodyTimeout: 0 })
  const sockets = new Set<Socket>()

  const spoilt = (text: Buffer): Buffer => {
    const reply = JSON.parse(text.toString()) as Choices
    if (wrongs.next('wrongTokens')) for (const { logprobs } of reply.choices) logprobs?.tokens.fill('token_id:1')
    if (wrongs.next('fewChoices')) reply.choices.pop()
    return Buffer.from(JSON.stringify(reply))
  }

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    seen.requests++
    const path = request.url ?? '/'
    const body = await bodyOf(request)
    const completes = path === '/v1/completions'
    const prompts = completes ? promptsIn(body) : []
    if (completes) seen.completions++
    if (wrongs.kills(prompts)) onDeath()
    if (wrongs.hangs(prompts) || wrongs.state.deaf) return never
    if (wrongs.refuses()) {
      const error = { message: 'The server is not available (simulated)', type: 'ServiceUnavailableError', code: 503 }
      response.writeHead(503, { 'content-type': 'application/json' })
      return void response.end(JSON.stringify({ error }))
    }
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const reply = await forward(upstream + path, {
      ...{ method: request.method === 'POST' ? 'POST' : 'GET', dispatcher: agent, signal: gone.signal },
      headers: { 'content-type': 'application/json' },
      ...(request.method === 'POST' && { body }),
    })
    const whole = Buffer.from(await reply.body.arrayBuffer())
    const good = completes && reply.statusCode === 200
    const text = good ? spoilt(whole) : whole
    const half = text.subarray(0, text.length / 2)
    const type = { 'content-type': String(reply.headers['content-type'] ?? 'text/plain') }
    if (good && wrongs.next('cut')) {
      response.writeHead(200, { ...type, 'content-length': text.length })
      return void response.write(half, () => response.destroy())
    }
    const sent = good && wrongs.next('malformed') ? half : text
    response.writeHead(reply.statusCode, { ...type, 'content-length': sent.length })
    response.end(sent)
  }

  const server = createServer((request, response) => {
    response.on('error', () => {})
    // A server that is away ends the connection, as it does where nobody stands between.
    answer(request, response).catch(() => response.destroy())
  })
  server.keepAliveTimeout = 5_000
  server.on('connection', (socket) => {
    seen.connections++
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    ...{ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen },
    set: (changes: Partial<Faults>) => Promise.resolve(wrongs.set(changes)),
    faults: () => Promise.resolve({ ...wrongs.state }),
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await agent.destroy()
    },
  }
}
