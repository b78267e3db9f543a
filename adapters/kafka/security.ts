/**
 * TLS and SASL: whom a connection trusts, and who it says that it is.
 *
 * kafkajs hides why an authentication failed behind one error for all reasons, and takes a token that was refused for
 * one that was accepted; here a connection that broke stays a connection that broke, and a refusal is heard.
 */
import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls, createSecureContext, getCACertificates } from 'node:tls'
import { Fatal, sentence } from '../../runtime/errors.ts'
import { authenticators, type Provider, type Talk } from './vendor.ts'

/** Certificates and keys as PEM texts. Certificates of brokers and their names are always verified. */
export interface Tls {
  /** Authorities to trust (default: those of Node and of the system). */
  readonly ca?: string
  /** Of this client, for brokers that ask for one, with its key. */
  readonly cert?: string
  readonly key?: string
  readonly passphrase?: string
}

export type Sasl =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
      readonly username: string
      readonly password: string
    }
  | {
      readonly mechanism: 'oauthbearer'
      /** Asked at each authentication: of every new connection, and again before a session ends. */
      readonly token: () => Promise<string>
    }

export type Connect = (to: { host: string; port: number; onConnect: () => void }) => Socket

/** A plain connection. */
export const plain: Connect = ({ host, port, onConnect }) =>
  connectPlain({ host, port, ...(isIP(host) && { family: isIP(host) }), noDelay: true, keepAlive: true }, onConnect)

/** Certificates that this machine trusts: those that come with Node, those named to Node, those of the system. */
export const trusted = (): string[] => [...new Set([...getCACertificates('default'), ...getCACertificates('system')])]

/** The same connections, with TLS over them where it is asked for. @throws Fatal when a PEM text cannot be used */
export const secured = (connect: Connect, tls: Tls | undefined): Connect => {
  if (!tls) return connect
  const secureContext = contextOf(tls)
  return ({ host, port, onConnect }) => {
    const under = connect({ host, port, onConnect: () => {} })
    const names = { host, ...(isIP(host) === 0 && { servername: host }) }
    const over = connectTls({ socket: under, ...names, secureContext, rejectUnauthorized: true }, onConnect)
    under.on('error', (error) => over.destroy(error))
    return over
  }
}

const contextOf = ({ ca = trusted().join('\n'), ...own }: Tls) => {
  try {
    return createSecureContext({ ...own, ca })
  } catch (error) {
    throw new Fatal(`the certificates for Kafka cannot be used (${sentence(error)})`, { cause: error })
  }
}

/** Fails with what was the matter, where kafkajs would only say that the authentication failed. */
const candid =
  (provider: Provider): Provider =>
  (talk) => {
    let reason: unknown
    const saslAuthenticate: Talk['saslAuthenticate'] = async (exchange) => {
      try {
        return await talk.saslAuthenticate(exchange)
      } catch (error) {
        reason = error
        throw error
      }
    }
    return {
      async authenticate() {
        try {
          await provider({ ...talk, saslAuthenticate }).authenticate()
        } catch (error) {
          throw reason ?? error
        }
      },
    }
  }

/** A message behind its length, as kafkajs wants it. */
const message = (text: string) => ({
  encode: () => {
    const bytes = Buffer.from(text)
    const length = Buffer.alloc(4)
    length.writeInt32BE(bytes.length)
    return Buffer.concat([length, bytes])
  },
})
const answer = {
  decode: async (raw: Buffer) => raw.subarray(4).toString(),
  parse: async (text: string) => text,
}

/** RFC 7628: a broker that refuses a token says why in its answer, and ends only after one more message. */
const bearer =
  (token: () => Promise<string>): Provider =>
  ({ saslAuthenticate }) => ({
    async authenticate() {
      const request = message(`n,,\u0001auth=Bearer ${await token()}\u0001\u0001`)
      const refusal = await saslAuthenticate({ request, response: answer })
      if (refusal === '') return
      await saslAuthenticate({ request: message('\u0001'), response: answer })
      throw Object.assign(new Error(`the token is refused (${refusal})`), { type: 'SASL_AUTHENTICATION_FAILED' })
    },
  })

/** As kafkajs takes it. */
export const authentication = (sasl: Sasl) => ({
  mechanism: sasl.mechanism.toUpperCase(),
  authenticationProvider: (sasl.mechanism === 'oauthbearer'
    ? bearer(sasl.token)
    : candid(authenticators[sasl.mechanism](sasl))) as never,
})
