/** Servers in front of Milvus: one that can fall silent, one that speaks TLS, one that asks who is there. */
import { connect as dial, createServer as http2, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { connect, createServer as plain, type AddressInfo, type Socket } from 'node:net'
import { createServer as secure, type TlsOptions } from 'node:tls'

export interface Front {
  /** `host:port` */
  readonly address: string
  /** From now on nothing passes in either direction, and no connection ends. */
  silence(on: boolean): void
  close(): Promise<void>
}

const parts = (address: string) => {
  const [host = '', port] = address.split(':')
  return { host, port: Number(port) }
}

/** @param tls it is spoken to over TLS, and speaks without to the server */
export const front = async (to: string, tls?: TlsOptions): Promise<Front> => {
  const sockets = new Set<Socket>()
  let silent = false
  const join = (near: Socket) => {
    const far = connect(parts(to))
    const end = () => [near, far].forEach((each) => each.destroy())
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      // prettier-ignore
      sockets.add(from)
      from.on('data', (bytes) => !silent && into.write(bytes))
      from.on('error', () => {}).on('close', end)
      from.on('close', () => sockets.delete(from))
    }
  }
  const server = tls ? secure({ ...tls, ALPNProtocols: ['h2'] }, join) : plain(join)
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    silence: (on) => (silent = on),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const each of sockets) each.destroy()
      }),
  }
}

const unauthenticated = '16'

/** Lets through the calls of those who bear this authorization, and tells others as Milvus does. */
export const guard = async (to: string, authorization: string) => {
  const server = http2()
  const databases = new Set<string>()
  const far = dial(`http://${to}`)
  const pass = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const call = far.request(headers)
    call.on('response', (answer) => stream.respond(answer, { waitForTrailers: true }))
    let trailers: IncomingHttpHeaders = {}
    call.on('trailers', (last: IncomingHttpHeaders) => (trailers = last))
    stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    call.on('error', () => stream.destroy())
    stream.on('error', () => call.destroy())
    stream.pipe(call)
    call.pipe(stream)
  }
  server.on('stream', (stream, headers) => {
    if (typeof headers['dbname'] === 'string') databases.add(headers['dbname'])
    if (headers['authorization'] === authorization) return pass(stream, headers)
    const told = { 'grpc-status': unauthenticated, 'grpc-message': 'auth check failure' }
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...told }, { endStream: true })
  })
  far.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    databases,
    close: () => {
      far.destroy()
      server.close()
    },
  }
}
