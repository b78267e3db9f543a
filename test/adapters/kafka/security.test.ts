import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { afterAll, expect, test } from 'vitest'
import { translated } from '../../../adapters/kafka/failures.ts'
import { authentication, plain, secured } from '../../../adapters/kafka/security.ts'
import { Fatal, Unavailable } from '../../../runtime/errors.ts'
import { authority } from './authority.ts'

const folder = mkdtempSync(join(tmpdir(), 'gainstream-names-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ca = authority(folder, 'authority')

/** Connects to a server of this name; gives the name that the server was asked for, or the code of the refusal. */
const greeted = async (host: string, alternatives: string, trust = ca.cert) => {
  const { cert, key } = ca.issue(`s${host}`, alternatives)
  const server = createServer({ cert, key })
  const name = new Promise((resolve) => server.on('secureConnection', ({ servername }) => resolve(servername)))
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    return await new Promise((resolve) => {
      const socket = secured(plain, { ca: trust })({ host, port, onConnect: () => resolve(name) })
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
      void name.then(() => socket.destroy())
    })
  } finally {
    server.close()
  }
}

test('a broker is asked for by its name, so that one address can serve many', async () => {
  expect(await greeted('localhost', 'DNS:localhost')).toBe('localhost')
})

test('a broker that is known by its number is asked for by none, and its certificate must hold the number', async () => {
  expect(await greeted('127.0.0.1', 'IP:127.0.0.1')).toBe(false)
  expect(await greeted('127.0.0.1', 'DNS:localhost')).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
})

test('a certificate that nobody vouches for is refused, whatever the environment says', async () => {
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  try {
    const other = authority(folder, 'stranger')
    expect(await greeted('localhost', 'DNS:localhost', other.cert)).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED|CERT/)
  } finally {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
  }
})

test('certificates that cannot be read are refused before anything is sent', () => {
  expect(() => secured(plain, { ca: ca.cert, cert: 'nonsense', key: ca.key })).toThrow(Fatal)
})

test.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)(
  'a broker that dies while %s is under way is away, and has refused nobody',
  async (mechanism) => {
    const broken = Object.assign(new Error('Closed connection'), { name: 'KafkaJSConnectionClosedError' })
    const { authenticationProvider } = authentication({ mechanism, username: 'u', password: 'p' })
    const talk = {
      host: 'h',
      port: 1,
      logger: { debug() {}, error() {} },
      saslAuthenticate: () => Promise.reject(broken),
    }
    const authenticate = (authenticationProvider as (talk: object) => { authenticate(): Promise<void> })(
      talk,
    ).authenticate()
    const reason = await authenticate.catch((error: unknown) => translated(error, 'connecting'))
    expect(reason).toBeInstanceOf(Unavailable)
  },
)
