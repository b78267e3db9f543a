/** The stack that stands on a machine between commands: brought up once, found again by every process, taken down. */
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Fatal } from '../../runtime/errors.ts'
import { within } from '../../runtime/wait.ts'
import { brokerServer } from './broker.ts'
import { locked } from './lock.ts'
import { milvusAddress, probeMilvus } from './milvus.ts'
import { freePorts, host } from './ports.ts'
import { probeBroker } from './probe.ts'
import { isAlive, readRecord } from './record.ts'
import { probeRegistry, registryServer, registryUrl } from './registry.ts'
import { stopRecorded, type Ending, type Server } from './server.ts'
import { probeHealth, vllmUrl } from './vllm.ts'
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

type Ports = Readonly<Record<string, number>>
interface Kind {
  readonly log: string
  readonly address: (ports: Ports) => string
  readonly probe: (address: string) => Promise<void>
}

const kinds = {
  broker: {
    log: 'kafka.log',
    address: ({ broker }) => `${host}:${broker}`,
    probe: (address) => probeBroker(address, 1),
  },
  registry: { log: 'registry.log', address: ({ registry = 0 }) => registryUrl(registry), probe: probeRegistry },
  // Its health alone: a server with much to do would take its time to make a token.
  vllm: { log: 'vllm.log', address: ({ vllm = 0 }) => vllmUrl(vllm), probe: probeHealth },
  milvus: { log: 'milvus.log', address: ({ milvus = 0 }) => milvusAddress(milvus), probe: probeMilvus },
} satisfies Record<string, Kind>
type Name = keyof typeof kinds

/** What is brought up together. */
const groups = { kafka: ['broker', 'registry'], vllm: ['vllm'], milvus: ['milvus'] } as const satisfies Record<
  string,
  readonly Name[]
>
export type Group = keyof typeof groups

/** The servers of the groups that were brought up in a folder at some time; those of Kafka where nothing was. */
const present = (folder: string): readonly Name[] => {
  const known = (name: Name) => existsSync(join(folder, kinds[name].log)) || readRecord(folder, name) !== undefined
  const found = Object.values(groups)
    .filter((names) => names.some(known))
    .flat()
  return found.length > 0 ? found : groups.kafka
}

/** The record of a server that runs. */
export const running = (folder: string, name: Name) => {
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

/** Starts it unless it runs, and waits until it is ready. */
export const stand = async (server: Server): Promise<Standing> => {
  const found = server.pid !== undefined
  await server.start()
  const { name, pid, ports } = server
  return { name, address: kinds[name as Name].address(ports), pid, ports, found }
}

export interface Down {
  readonly name: string
  readonly ending: Ending
}

export interface DownOptions {
  /** Which (default: all that were ever brought up). */
  readonly only?: readonly Group[]
  /** Deletes all that any of them kept. */
  readonly remove?: boolean
  readonly grace?: number
}

/** Stops them, with all processes of theirs. */
export const down = async (folder: string, { only, remove = false, grace }: DownOptions = {}): Promise<Down[]> => {
  const names = only?.flatMap((group): readonly Name[] => groups[group]) ?? present(folder)
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
  readonly ports: Ports
  /** What it was started with, as far as it can be chosen. */
  readonly settings: Readonly<Record<string, string>>
  readonly log: string
}

/** How the stack in a folder is; undefined where none was ever brought up. */
export const seen = async (folder: string, patience = 5_000): Promise<Seen[] | undefined> => {
  if (!existsSync(folder)) return undefined
  return Promise.all(present(folder).map((name) => look(folder, name, patience)))
}

const look = async (folder: string, name: Name, patience: number): Promise<Seen> => {
  const [record, kind] = [readRecord(folder, name), kinds[name]]
  const log = join(folder, kind.log)
  if (!record) return { name, health: 'down', address: undefined, pid: undefined, ports: {}, settings: {}, log }
  const { ports, settings = {} } = record
  const address = kind.address(ports)
  if (!isAlive(record)) return { name, health: 'ended', address, pid: undefined, ports, settings, log }
  const health = await within(
    patience,
    new AbortController().signal,
    () => kind.probe(address),
    () => new Error('late'),
  ).then(
    () => 'ready' as const,
    () => 'silent' as const,
  )
  return { name, health, address, pid: record.pid, ports, settings, log }
}
