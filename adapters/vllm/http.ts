/** Requests to a server that talks as OpenAI's does, through the openai client. */
import { readFileSync } from 'node:fs'
import OpenAI from 'openai'
import { Agent, fetch } from 'undici'
import { Fatal, sentence } from '../../runtime/errors.ts'
import { translated } from './failures.ts'
import type { Address } from './members.ts'

export interface HttpOptions {
  readonly address: Address
  readonly apiKey?: string | undefined
  /** File with the certificates to trust (PEM). */
  readonly ca?: string | undefined
  /** That names this file, for people. */
  readonly setting: string
  /** Connections at most (default 64). */
  readonly connections?: number | undefined
}

/** What fails is told as failures.ts says; aborting the signal aborts the request at the server. */
export interface Http {
  readonly client: OpenAI
  asked<T>(this: void, signal: AbortSignal, ask: () => Promise<T>): Promise<T>
  post(this: void, path: string, body: object, signal: AbortSignal): Promise<unknown>
  get(this: void, path: string, signal: AbortSignal): Promise<unknown>
  /** Closes its connections. */
  close(this: void): Promise<void>
}

/** Below the five seconds after which vLLM's HTTP server hangs up: a request must not meet a closing connection. */
const idle = 4_000

const certificates = (path: string, setting: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Fatal(`the certificates ${path} cannot be read (${sentence(error)}): set ${setting} to a PEM file`)
  }
}

const agentOf = ({ address: { at }, ca, setting, connections = 64 }: HttpOptions): Agent =>
  new Agent({
    connections,
    pipelining: 1,
    keepAliveTimeout: idle,
    keepAliveMaxTimeout: idle,
    headersTimeout: 0, // calls bring their own time limits, as signals
    bodyTimeout: 0,
    connect: {
      timeout: 5_000,
      ...(ca === undefined ? {} : { ca: certificates(ca, setting) }),
      ...(at === undefined
        ? {}
        : {
            lookup: (_name, options, done) =>
              options.all ? done(null, [{ address: at, family: at.includes(':') ? 6 : 4 }]) : done(null, at, 4),
          }),
    },
  })

export const openHttp = (options: HttpOptions): Http => {
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
  return {
    client,
    asked,
    post: (path, body, signal) => asked(signal, () => client.post<unknown>(`${root}${path}`, { body, signal })),
    get: (path, signal) => asked(signal, () => client.get<unknown>(`${root}${path}`, { signal })),
    close: () => agent.destroy(),
  }
}
