/** Ports of this machine: free ones are found, given ones are looked at before a server trips over them. */
import { createServer, type Server } from 'node:net'
import { Fatal } from '../../runtime/errors.ts'
import { pause } from '../../runtime/wait.ts'

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

/** What keeps anybody from listening there, if anything does. */
const obstacle = async (port: number): Promise<string | undefined> => {
  try {
    const server = await listening(port)
    await new Promise((resolve) => server.close(resolve))
    return undefined
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

/**
 * Looks again for a second: a server that was just killed is gone a moment before its port is free.
 * @throws Fatal when somebody listens there, or this user may not; `remedy` says what to change
 */
export const checkPort = async (port: number, what: string, remedy: string): Promise<void> => {
  let code = await obstacle(port)
  for (const until = Date.now() + 1_000; code === 'EADDRINUSE' && Date.now() < until; code = await obstacle(port))
    await pause(50)
  if (code === undefined) return
  const why = code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be listened on (${code})`
  throw new Fatal(`port ${port} for ${what} ${why}: ${remedy}`)
}
