/** Servers of the fault runs' own: brokers and a registry that end with this process. */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts, programs, startBroker, startStack, type Broker, type Registry } from '../../adapters/stack/index.ts'
import { home } from '../../cli/config.ts'
import { pause } from '../../runtime/wait.ts'

export interface Servers {
  readonly brokers: readonly string[]
  readonly nodes: readonly Broker[]
  readonly registry: Registry
  stop(): Promise<void>
}

/** The first broker; the only one of most. */
export const onlyOf = ({ nodes }: Pick<Servers, 'nodes'>): Broker => {
  const [node] = nodes
  if (!node) throw new Error('there is no broker')
  return node
}

type Server = Pick<Broker, 'kill' | 'pid' | 'start'>

/** `size` brokers that replicate, and a registry. */
export const openServers = async (folder: string, size: 1 | 3): Promise<Servers> => {
  const stack = await startStack({ home: home(process.env), folder, size, heap: '512m' })
  if (!stack.schemas) throw new Error('the stack has no registry')
  return {
    brokers: stack.brokers.split(','),
    nodes: stack.nodes,
    registry: stack.schemas,
    stop: () => stack.stop(),
  }
}

/** SIGKILL, and gone. */
export const killed = async (server: Server): Promise<void> => {
  server.kill('SIGKILL')
  await gone(server)
}

/** @throws Error after a minute */
export const gone = async (server: Pick<Server, 'pid'>): Promise<void> => {
  for (const until = Date.now() + 60_000; server.pid !== undefined; await pause(20))
    if (Date.now() > until) throw new Error('a server that should have ended still runs after 60 s')
}

export interface SmallDisk {
  readonly folder: string
  release(): void
}

/** A file system of so many megabytes; undefined where this user may not make one. */
export const smallDisk = (folder: string, megabytes: number): SmallDisk | undefined => {
  mkdirSync(folder, { recursive: true })
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder])
  if (status !== 0) return undefined
  return { folder, release: () => void spawnSync('umount', ['-l', folder]) }
}

/** One broker whose data stand in this folder; the registry is that of others. */
export const openBroker = async (folder: string, registry: Registry): Promise<Servers> => {
  const { java, jars } = await programs({ home: home(process.env), registry: false })
  const [broker, controller] = (await freePorts(2)) as [number, number]
  const node = await startBroker({ folder: join(folder), java, jars, ports: { broker, controller }, heap: '512m' })
  return { brokers: [node.address], nodes: [node], registry, stop: async () => void (await node.stop()) }
}
