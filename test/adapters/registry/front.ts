/** A plain server in front of the live registry: it passes everything on, unless it is told to do something else. */
import { createServer as plain, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as secure } from 'node:https'
import type { AddressInfo } from 'node:net'

export const url = process.env['GAINSTREAM_TEST_REGISTRY'] ?? ''

export interface Asked {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
}
type Answer = (request: IncomingMessage, response: ServerResponse) => void

const passedOn: Answer = (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const body = chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}
    const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
    void fetch(url + request.url, { method: request.method ?? 'GET', headers, ...body }).then(async (real) => {
      response.writeHead(real.status, { 'content-type': 'application/json' }).end(await real.text())
    })
  })
}

/**
 * @param answer instead of the registry's
 * @param port where it was before, to be there again
 * @param tls a certificate with its key: it is spoken to over TLS
 */
export const front = async (answer: Answer = passedOn, port = 0, tls?: { cert: string; key: string }) => {
  const asked: Asked[] = []
  const heard: Answer = (request, response) => {
    const { authorization } = request.headers
    asked.push({ method: request.method ?? '', path: request.url ?? '', authorization })
    answer(request, response)
  }
  const server = tls ? secure(tls, heard) : plain(heard)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  const at = (server.address() as AddressInfo).port
  return { url: `${tls ? 'https' : 'http'}://127.0.0.1:${at}`, port: at, asked, close }
}
