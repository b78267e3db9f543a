/**
 * How a registry is asked: one request, bounded in time, and what its answer means to a stream. The registry library
 * gets this in place of its own transport, which knows no CA, sets no limit of time, and says 400 where nobody answers.
 */
import { Agent as PlainAgent, request as plain } from 'node:http'
import { Agent as SecureAgent, request as secure } from 'node:https'
import { text } from 'node:stream/consumers'
import { Fatal, sentence, Unavailable } from '../../runtime/errors.ts'

export type Auth =
  | { readonly username: string; readonly password: string }
  /** Asked before each request, so that a token may be renewed. */
  | { readonly token: () => Promise<string> | string }

export interface Address {
  /** Of the API, e.g. `http://127.0.0.1:8081/apis/ccompat/v7`. */
  readonly url: string
  readonly auth?: Auth
  /** Certificates to trust, as PEM (default: those of the system). */
  readonly ca?: string
  /** The longest that one request may take, in milliseconds (default 10,000). */
  readonly timeout?: number
}

/** The registry understood the question and says no: there is no such thing (404), or it will not have it (409, 422). */
export class Answer extends Error {
  override readonly name = 'Answer'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export interface Transport {
  /** The address as it may be shown: without a user's name and password. */
  readonly shown: string
  /**
   * @param path under the address of the API, or the whole of it
   * @throws Answer; Unavailable while nobody answers; Fatal where asking again cannot help
   */
  ask(method: string, path: string, body?: string): Promise<unknown>
}

interface Reply {
  readonly status: number
  readonly body: string
}

export const transport = ({ url, auth, ca, timeout = 10_000 }: Address): Transport => {
  const { shown, given } = split(url)
  const who = auth ?? given
  const overTls = shown.startsWith('https:')
  const agent = overTls ? new SecureAgent(ca === undefined ? {} : { ca }) : new PlainAgent()

  const sent = async (method: string, target: string, body: string | undefined): Promise<Reply> => {
    const headers = { ...(await authorization(who)), accept: type, ...(body !== undefined && { 'content-type': type }) }
    return new Promise((resolve, reject) => {
      const options = { method: method.toUpperCase(), headers, agent, signal: AbortSignal.timeout(timeout) }
      const request = (overTls ? secure : plain)(target, options, (response) => {
        text(response).then((read) => resolve({ status: response.statusCode ?? 0, body: read }), reject)
      })
      request.on('error', reject)
      request.end(body)
    })
  }

  return {
    shown,
    async ask(method, path, body) {
      const target = path.startsWith(shown) ? path : `${shown}${path}`
      const reply = await sent(method, target, body).catch((error: unknown) => {
        throw unanswered(error, shown, timeout)
      })
      return understood(reply, shown, `${method.toUpperCase()} ${target.slice(shown.length)}`)
    },
  }
}

const type = 'application/vnd.schemaregistry.v1+json'

/** Credentials may stand in an address; they are taken out of it, so that no message can repeat them. */
const split = (url: string): { shown: string; given: Auth | undefined } => {
  const parsed = new URL(url)
  const { username, password } = parsed
  parsed.username = parsed.password = ''
  const given = username
    ? { username: decodeURIComponent(username), password: decodeURIComponent(password) }
    : undefined
  return { shown: parsed.href.replace(/\/+$/, ''), given }
}

const authorization = async (auth: Auth | undefined): Promise<{ authorization?: string }> => {
  if (!auth) return {}
  if ('token' in auth) return { authorization: `Bearer ${await auth.token()}` }
  return { authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}` }
}

const untrusted = /CERT|SELF_SIGNED|UNABLE_TO/

const unanswered = (error: unknown, shown: string, timeout: number): Fatal | Unavailable => {
  if (error instanceof Fatal || error instanceof Unavailable) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return new Fatal(
      `the certificate of the schema registry at ${shown} is made for other names: ask for it by one of them in registry.url`,
    )
  }
  if (untrusted.test(code)) {
    return new Fatal(
      `the certificate of the schema registry at ${shown} is not trusted (${code}): name its authority with registry.ca`,
    )
  }
  if (code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return new Fatal(`the schema registry at ${shown} does not speak TLS: check registry.url`)
  const late = code === 'ABORT_ERR' || (error instanceof Error && error.name === 'TimeoutError')
  const why = late ? `within ${timeout} ms` : `(${code || sentence(error)})`
  return new Unavailable(`the schema registry at ${shown} does not answer ${why}`, { endpoint: 'registry' })
}

/** What the registry says of an error, without the name of the class that it was in there. */
const told = (answer: unknown): { message: string; known: boolean } => {
  const { message, error_code: code } = (answer ?? {}) as { message?: unknown; error_code?: unknown }
  const said = typeof message === 'string' ? message.replace(/^(?:[a-z]\w*\.)+\w+: /, '') : ''
  return { message: said, known: typeof code === 'number' }
}

const understood = ({ status, body }: Reply, shown: string, what: string): unknown => {
  const answer = parsed(body)
  if (status >= 200 && status < 300 && answer !== undefined) return answer
  const registry = `the schema registry at ${shown}`
  const { message, known } = told(answer)
  if ((status === 404 && known) || status === 409 || status === 422) throw new Answer(status, message || `${status}`)
  if (status === 401) {
    throw new Fatal(
      `${registry} does not accept who asks (401): set registry.username with registry.password, or registry.token`,
    )
  }
  if (status === 403) throw new Fatal(`${registry} does not allow ${what} (403): give this user the permission`)
  if (status === 408 || status === 429 || status >= 500) {
    throw new Unavailable(`${registry} is not well (${status}${message && `: ${message}`})`, { endpoint: 'registry' })
  }
  if (known) throw new Fatal(`${registry} refuses ${what} (${status}: ${message})`)
  throw new Fatal(`at ${shown} is no schema registry with the Confluent API (${status} to ${what}): check registry.url`)
}

const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body) as unknown
  } catch {
    return undefined
  }
}
