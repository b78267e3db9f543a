/** The stack that stands on a machine between commands: brought up once, found again by every process, taken down. */
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Fatal } from '../../runtime/errors.ts'
import { within } from '../../runtime/wait.ts'
import { brokerServer } from './broker.ts'
import { locked } from './lock.ts'
import { freePorts, host } from './ports.ts'
import { probeBroker } from './probe.ts'
import { isAlive, readRecord } from './record.ts'
import { probeRegistry, registryServer, registryUrl } from './registry.ts'
import { stopRecorded, type Ending, type Server } from './server.ts'
import { programs, type ProgramsOptions, type StackPorts } from './stack.ts'

export interface UpOptions extends Omit<ProgramsOptions, 'registry'> {
  /** Data, logs and records; an absolute path. */
  readonly folder: string
  /** Those that were asked for: a server that runs with others is not what was asked for. */
  readonly ports: StackPorts
  /** For servers that do not run yet; those that are missing here, too, are free ones. */
  readonly defaults?: StackPorts
  /** What to change where a port (`broker`, `controller`, `registry`, `management`) is taken. */
  readonly remedy?: (port: string) => string
}

export interface Standing {
  readonly name: string
  /** `host:port` of the broker, URL of the registry. */
  readonly address: string
  readonly pid: number | undefined
  readonly ports: Readonly<Record<string, number>>
  /** It ran before. */
  readonly found: boolean
}

const names = ['broker', 'registry'] as const
type Name = (typeof names)[number]

const addressOf = (name: Name, ports: Readonly<Record<string, number>>) =>
  name === 'broker' ? `${host}:${ports.broker}` : registryUrl(ports.registry ?? 0)

const running = (folder: string, name: string) => {
  const record = readRecord(folder, name)
  return record && isAlive(record) ? record : undefined
}

/** The ports of a server that runs, else those that are asked for. @throws Fatal where both are there and differ */
const portsOf = <K extends keyof StackPorts>(
  { folder, ports, defaults = {} }: UpOptions,
  name: Name,
  keys: readonly K[],
  free: readonly number[],
): Record<K, number> => {
  const at = running(folder, name)?.ports
  const one = (key: K, index: number): number => {
    const [asked, there] = [ports[key], at?.[key]]
    if (asked && there !== undefined && asked !== there)
      throw new Fatal(`the ${name} already runs with port ${there}, not ${asked}: gainstream down stops it`)
    return (there ?? (asked || defaults[key])) || free[index]!
  }
  return Object.fromEntries(keys.map((key, index) => [key, one(key, index)])) as Record<K, number>
}

/**
 * Starts what does not run yet, and waits until all is ready; the servers outlive this process.
 * @throws Fatal, Unavailable with a sentence when programs are missing, a port is taken, or a server does not start
 */
export const up = async (options: UpOptions): Promise<Standing[]> => {
  const { folder, remedy } = options
  await mkdir(folder, { recursive: true })
  return locked(folder, async () => {
    const { java, jars, jar } = await programs(options)
    const free = await freePorts(4)
    const more = { folder, java, detached: true, ...(remedy && { remedy }) }
    const broker = portsOf(options, 'broker', ['broker', 'controller'], free)
    const registry = portsOf(options, 'registry', ['registry', 'management'], free.slice(2))
    const servers = [
      brokerServer({ ...more, jars, ports: broker }),
      ...(jar === undefined ? [] : [registryServer({ ...more, jar, ports: registry })]),
    ]
    return Promise.all(servers.map((each) => stand(each)))
  })
}

const stand = async (server: Server): Promise<Standing> => {
  const found = server.pid !== undefined
  await server.start()
  const { name, pid, ports } = server
  return { name, address: addressOf(name as Name, ports), pid, ports, found }
}

export interface Down {
  readonly name: string
  readonly ending: Ending
}

/** Stops both, and with `remove` deletes all that they kept. */
export const down = async (folder: string, { remove = false, grace }: { remove?: boolean; grace?: number } = {}) => {
  if (!existsSync(folder)) return names.map((name): Down => ({ name, ending: 'absent' }))
  return locked(folder, async () => {
    const ended = await Promise.all(
      names.map(async (name): Promise<Down> => ({ name, ending: await stopRecorded(folder, name, grace) })),
    )
    if (remove) await rm(folder, { recursive: true, force: true })
    return ended
  })
}

/** `silent`: it runs and does not do its work; `ended`: it is gone, and nobody took it down. */
export type Health = 'ready' | 'silent' | 'ended' | 'down'

export interface Seen {
  readonly name: string
  readonly health: Health
  readonly address: string | undefined
  readonly pid: number | undefined
  readonly ports: Readonly<Record<string, number>>
  readonly log: string
}

/** How the stack in a folder is; undefined where none was ever brought up. */
export const seen = async (folder: string, patience = 5_000): Promise<Seen[] | undefined> => {
  if (!existsSync(folder)) return undefined
  return Promise.all(names.map((name) => look(folder, name, patience)))
}

const look = async (folder: string, name: Name, patience: number): Promise<Seen> => {
  const record = readRecord(folder, name)
  const log = join(folder, name === 'broker' ? 'kafka.log' : 'registry.log')
  if (!record) return { name, health: 'down', address: undefined, pid: undefined, ports: {}, log }
  const { ports } = record
  const address = addressOf(name, ports)
  if (!isAlive(record)) return { name, health: 'ended', address, pid: undefined, ports, log }
  const probe = () => (name === 'broker' ? probeBroker(address, 1) : probeRegistry(address))
  const health = await within(patience, new AbortController().signal, probe, () => new Error('late')).then(
    () => 'ready' as const,
    () => 'silent' as const,
  )
  return { name, health, address, pid: record.pid, ports, log }
}
