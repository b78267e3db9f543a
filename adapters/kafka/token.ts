/** Bearer tokens: from a file that something else keeps fresh, or asked for by client credentials (RFC 6749, 4.4). */
import { readFile } from 'node:fs/promises'
import { request as plain } from 'node:http'
import { request as secure } from 'node:https'
import { text } from 'node:stream/consumers'
import { Fatal, sentence, Unavailable } from '../../runtime/errors.ts'
import { trusted } from './security.ts'

/** Visible characters of ASCII: anything else would end the message to the broker early. */
const sayable = /^[\x21-\x7e]+$/

/**
 * Reads the file at each call, so that a fresh token counts from the next connection on.
 * @throws Fatal where the file holds no token; Unavailable while it holds one that has expired
 */
export const keptToken =
  (setting: string, path: string): (() => Promise<string>) =>
  async () => {
    const read = await readFile(path, 'utf8').catch((error: unknown) => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`
      throw new Fatal(`${setting}: ${path} ${why}; check the path`, { cause: error })
    })
    const token = read.trim()
    if (!sayable.test(token)) throw new Fatal(`${setting}: ${path} holds no token, which is one word without spaces`)
    const end = expiry(token)
    if (end !== undefined && end <= Date.now()) {
      const when = new Date(end).toISOString()
      throw new Unavailable(
        `${setting}: the token in ${path} expired at ${when}, and nobody has put a fresh one there`,
        {
          endpoint: setting.split('.')[0] ?? setting,
        },
      )
    }
    return token
  }

/** When a JSON web token ends, in milliseconds since 1970; undefined for a token of another kind. */
const expiry = (token: string): number | undefined => {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp?: unknown }
    return typeof claims.exp === 'number' ? claims.exp * 1000 : undefined
  } catch {
    return undefined
  }
}

export interface Issuer {
  readonly url: string
  readonly username: string
  readonly password: string
  readonly scope: string | undefined
  /** Trusted beside the authorities of this machine, as PEM. */
  readonly ca: string | undefined
}

/**
 * Asks for a token and keeps it for three quarters of its life, less than any session that a broker grants with it.
 * @throws Unavailable while nobody answers; Fatal where the server refuses
 */
export const askedToken = (issuer: Issuer): (() => Promise<string>) => {
  let kept: { token: string; until: number } | undefined
  let asking: Promise<string> | undefined
  const ask = async () => {
    const { token, seconds } = granted(await asked(issuer), issuer)
    kept = { token, until: Date.now() + 750 * seconds }
    return token
  }
  return async () => {
    if (kept && Date.now() < kept.until) return kept.token
    return (asking ??= ask().finally(() => (asking = undefined)))
  }
}

interface Reply {
  readonly status: number
  readonly body: string
}

const timeout = 10_000

const asked = ({ url, username, password, scope, ca }: Issuer): Promise<Reply> => {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    ...(scope !== undefined && { scope }),
  }).toString()
  const who = [username, password].map(encodeURIComponent).join(':')
  const headers = {
    authorization: `Basic ${Buffer.from(who).toString('base64')}`,
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
  }
  const options = { method: 'POST', headers, signal: AbortSignal.timeout(timeout) }
  const send = url.startsWith('https:')
    ? secure(url, { ...options, ...(ca !== undefined && { ca: [...trusted(), ca] }) })
    : plain(url, options)
  return new Promise<Reply>((resolve, reject) => {
    send.on('error', reject)
    send.on('response', (response) => {
      text(response).then((read) => resolve({ status: response.statusCode ?? 0, body: read }), reject)
    })
    send.end(body)
  }).catch((error: unknown) => {
    throw unanswered(error, url)
  })
}

const unanswered = (error: unknown, url: string) => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (/CERT|SIGNATURE/.test(code))
    return new Fatal(
      `kafka.sasl.token_url: the certificate of ${url} is not trusted (${code}); add its authority to kafka.tls.ca`,
    )
  return new Unavailable(`kafka.sasl.token_url: ${url} does not answer (${code || sentence(error)})`, {
    endpoint: 'kafka',
  })
}

/** Nothing of the answer is repeated: it may hold the token. */
const granted = ({ status, body }: Reply, { url }: Issuer): { token: string; seconds: number } => {
  if (status === 408 || status === 429 || status >= 500)
    throw new Unavailable(`kafka.sasl.token_url: ${url} is not well (${status})`, { endpoint: 'kafka' })
  if (status !== 200)
    throw new Fatal(
      `kafka.sasl.token_url: ${url} refuses a token (${status}); check kafka.sasl.username, password and scope`,
    )
  const { access_token: token, expires_in: seconds } = parsed(body)
  if (typeof token !== 'string' || !sayable.test(token))
    throw new Fatal(`kafka.sasl.token_url: the answer of ${url} holds no access_token; check the address`)
  return { token, seconds: typeof seconds === 'number' ? seconds : 60 }
}

const parsed = (body: string): { access_token?: unknown; expires_in?: unknown } => {
  try {
    return (JSON.parse(body) ?? {}) as object
  } catch {
    return {}
  }
}
