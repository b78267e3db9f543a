/** The small web server that says how a worker is: for Prometheus, for Kubernetes, for curl. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Fatal, sentence } from '../../runtime/errors.ts'

/** Why not, in sentences; none: it is. */
export type Reasons = readonly string[]

export interface Served {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  readonly metrics: () => Promise<{ readonly type: string; readonly body: string }>
  /** What is wrong for good. */
  readonly healthy: () => Reasons
  /** What keeps it from working now. */
  readonly ready: () => Promise<Reasons>
}

export interface Server {
  readonly port: number
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

const plain = (status: number, text: string): Answer => ({ status, type: 'text/plain', body: `${text}\n` })

const verdict = (well: string, reasons: Reasons): Answer => ({
  status: reasons.length === 0 ? 200 : 503,
  type: 'application/json',
  body: `${JSON.stringify({ status: reasons.length === 0 ? well : `not ${well}`, reasons })}\n`,
})

const answers = ({ metrics, healthy, ready }: Served): Readonly<Record<string, () => Promise<Answer>>> => ({
  '/metrics': async () => ({ status: 200, ...(await metrics()) }),
  '/healthz': async () => verdict('alive', healthy()),
  '/readyz': async () => verdict('ready', await ready()),
})

const send = (response: ServerResponse, { status, type, body }: Answer, bodiless: boolean) => {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(bodiless ? undefined : body)
}

/** What the operating system says, with the setting that would help. */
const refused = (host: string, port: number, error: NodeJS.ErrnoException): Fatal => {
  const where = `metrics cannot be served on ${host}:${port}`
  const why: Record<string, string> = {
    EADDRINUSE: 'another program has this port: choose another one as observe.port',
    EACCES: 'this user may not have this port: choose one above 1023 as observe.port',
    EADDRNOTAVAIL: 'this machine has no such address: change observe.host',
    ENOTFOUND: 'nobody knows this host: change observe.host',
  }
  return new Fatal(`${where}: ${why[error.code ?? ''] ?? `${sentence(error)}; see observe.port and observe.host`}`, {
    cause: error,
  })
}

/** @throws Fatal that names the setting, when nobody may listen there */
export const serve = async (served: Served): Promise<Server> => {
  const { host, port } = served
  const known = answers(served)
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5000, keepAliveTimeout: 5000 })
  server.on('request', (request, response) => {
    request.resume()
    const path = (request.url ?? '').split('?')[0] ?? ''
    const bodiless = request.method === 'HEAD'
    const answer = Object.hasOwn(known, path) ? known[path] : undefined
    if (!answer) return send(response, plain(404, Object.keys(known).join(' ')), bodiless)
    if (request.method !== 'GET' && !bodiless) return send(response, plain(405, 'only GET and HEAD'), false)
    answer().then(
      (given) => send(response, given, bodiless),
      (error: unknown) => send(response, plain(500, sentence(error)), bodiless),
    )
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(refused(host, port, error)))
    server.listen(port, host, resolve)
  })
  server.on('error', () => {}) // a connection that could not be accepted is no reason to stop working
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
