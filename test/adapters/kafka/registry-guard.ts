/**
 * A guard in front of a real registry: TLS, and a password or a token. It stands in for the registry's own
 * authentication, for which Apicurio needs an identity server.
 */
import { request as ask } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Certificate } from './authority.ts'

export interface RegistryGuard {
  readonly url: string
  close(): Promise<void>
}

/** @param allowed values of the `authorization` header that it lets through */
export const registryGuard = async (
  registry: string,
  { cert, key }: Certificate,
  allowed: readonly string[],
): Promise<RegistryGuard> => {
  const { origin, pathname } = new URL(registry)
  const server = createServer({ cert, key }, (request, response) => {
    const { authorization = '', ...headers } = request.headers
    if (!allowed.includes(authorization)) {
      response.writeHead(401, { 'content-type': 'application/json' })
      response.end('{"error_code":40101,"message":"who are you?"}')
      return
    }
    const { method, url } = request
    const passed = ask(`${origin}${url}`, { method, headers }, (answer) => {
      void text(answer).then((body) => response.writeHead(answer.statusCode ?? 502, { ...answer.headers }).end(body))
    })
    passed.on('error', () => response.writeHead(502).end())
    request.pipe(passed)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
