/** Ports of this machine: free ones are found, given ones are looked at before a server trips over them. */
import { createServer, type Server } from 'node:net'
import { Fatal } from '../../runtime/errors.ts'

export const host = '127.0.0.1'

const listening = (port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => resolve(server))
  })

const portOf = (server: Server) => {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** That many ports that nobody listens on; held together for a moment, so that no two are the same. */
export const freePorts = async (count: number): Promise<number[]> => {
  const servers = await Promise.all(Array.from({ length: count }, () => listening(0)))
  const ports = servers.map(portOf)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** @throws Fatal when somebody listens there, or this user may not; `remedy` says what to change. */
export const checkPort = async (port: number, what: string, remedy: string): Promise<void> => {
  try {
    const server = await listening(port)
    await new Promise((resolve) => server.close(resolve))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const why = code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be listened on (${String(code)})`
    throw new Fatal(`port ${port} for ${what} ${why}: ${remedy}`, { cause: error })
  }
}
