/** Hands out tokens to a client that knows its password, over TLS: what an identity provider does. */
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Certificate } from './authority.ts'

export interface TokenServer {
  readonly url: string
  close(): Promise<void>
}

/** The name and the password are form-encoded before they are joined (RFC 6749, 2.3.1). */
const header = (name: string, password: string) =>
  `Basic ${Buffer.from(`${encodeURIComponent(name)}:${encodeURIComponent(password)}`).toString('base64')}`

/** Seconds; a token's own end falls on a whole one. */
const lifetime = 7

export const tokenServer = async (
  { cert, key }: Certificate,
  name: string,
  password: string,
  token: (seconds: number) => string,
): Promise<TokenServer> => {
  const server = createServer({ cert, key }, (request, response) => {
    void text(request).then((body) => {
      const form = new URLSearchParams(body)
      const known = request.headers.authorization === header(name, password)
      const asks = form.get('grant_type') === 'client_credentials' && form.get('scope') === 'stream'
      const answer =
        known && asks ? { access_token: token(lifetime + 1), expires_in: lifetime } : { error: 'invalid_client' }
      response.writeHead(known && asks ? 200 : 401, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
