/** Brokers and a registry for tests and benches: a handle that starts, breaks and stops them. */
import { join } from 'node:path'
import { brokerServer, newClusterId, type Broker } from './broker.ts'
import { java as javaOf, type Java } from './java.ts'
import { kafkaJars, registryJar, type OnProgress } from './maven.ts'
import { freePorts, host } from './ports.ts'
import { registryServer, type Registry } from './registry.ts'
import type { Server } from './server.ts'

export interface Programs {
  readonly java: Java
  /** Folder of Kafka's jars. */
  readonly jars: string
  /** The registry's jar; undefined where none is wanted. */
  readonly jar: string | undefined
}

export interface ProgramsOptions {
  /** Folder of tools and models that all projects of this user share. */
  readonly home: string
  readonly env?: NodeJS.ProcessEnv
  readonly registry?: boolean
  readonly onProgress?: OnProgress
}

/** What the servers need on this machine, fetched where it is missing. @throws Fatal, Unavailable */
export const programs = async (options: ProgramsOptions): Promise<Programs> => {
  const { home, env = process.env, registry = true, onProgress } = options
  const java = await javaOf(home, env)
  const fetching = { home, java, env, ...(onProgress && { onProgress }) }
  return { java, jars: await kafkaJars(fetching), jar: registry ? await registryJar(fetching) : undefined }
}

export interface StackPorts {
  readonly broker?: number | undefined
  readonly controller?: number | undefined
  readonly registry?: number | undefined
  readonly management?: number | undefined
}

export interface StackOptions extends ProgramsOptions {
  /** Data, logs and records of the servers. */
  readonly folder: string
  /** Of the first broker and of the registry; those that are 0 or missing are free ones. */
  readonly ports?: StackPorts
  /** How many brokers (default 1); of 3, topics have 3 replicas of which 2 must be in sync. */
  readonly size?: number
  /** Further server.properties of every broker. */
  readonly broker?: Readonly<Record<string, string>>
  readonly heap?: string
}

export interface Stack {
  /** Bootstrap servers, `host:port,…`. */
  readonly brokers: string
  /** Of the Confluent API; undefined where there is no registry. */
  readonly registry: string | undefined
  /** Each can be killed, stopped and restarted alone. */
  readonly nodes: readonly Broker[]
  readonly schemas: Registry | undefined
  /** Of what runs at the moment. */
  readonly pids: readonly number[]
  stop(): Promise<void>
  /** Sends a signal to all of them, and waits for nothing. */
  kill(signal: NodeJS.Signals): void
  /** All again, on the same data and ports. */
  restart(): Promise<void>
}

const brokersOf = async (options: StackOptions, { java, jars }: Programs): Promise<Broker[]> => {
  const { folder, ports = {}, size = 1, broker: properties = {}, heap } = options
  const free = await freePorts(2 * size)
  const chosen = Array.from({ length: size }, (_, at) => ({
    broker: (at === 0 && ports.broker) || free[2 * at]!,
    controller: (at === 0 && ports.controller) || free[2 * at + 1]!,
  }))
  const voters = chosen.map(({ controller }, at) => `${at + 1}@${host}:${controller}`)
  const clusterId = newClusterId()
  return chosen.map((each, at) =>
    brokerServer({
      ...{ id: at + 1, ports: each, voters, clusterId, java, jars, properties },
      ...(heap !== undefined && { heap }),
      folder: size === 1 ? folder : join(folder, `broker-${at + 1}`),
    }),
  )
}

const schemasOf = async ({ folder, ports = {} }: StackOptions, { java, jar }: Programs) => {
  if (jar === undefined) return undefined
  const [registry, management] = (await freePorts(2)) as [number, number]
  const chosen = { registry: ports.registry || registry, management: ports.management || management }
  return registryServer({ folder, java, jar, ports: chosen })
}

/** Starts all of them; where one does not start, the others are stopped before its error is thrown. */
const together = async (servers: readonly Server[]): Promise<void> => {
  const ended = await Promise.allSettled(servers.map((each) => each.start()))
  const failed = ended.find((each) => each.status === 'rejected')
  if (!failed) return
  await Promise.all(servers.map((each) => each.stop()))
  throw failed.reason
}

/**
 * Starts brokers and a registry that end with this process, and waits until they are ready.
 * @throws Fatal, Unavailable with a sentence when programs are missing or a server does not start
 */
export const startStack = async (options: StackOptions): Promise<Stack> => {
  const needed = await programs(options)
  const brokers = await brokersOf(options, needed)
  const schemas = await schemasOf(options, needed)
  await together([...brokers, ...(schemas ? [schemas] : [])])
  return handle(brokers, schemas)
}

const handle = (nodes: readonly Broker[], schemas: Registry | undefined): Stack => {
  const all = [...nodes, ...(schemas ? [schemas] : [])]
  return {
    brokers: nodes.map(({ address }) => address).join(','),
    ...{ registry: schemas?.url, nodes, schemas },
    get pids() {
      return all.flatMap(({ pid }) => pid ?? [])
    },
    async stop() {
      await Promise.all(all.map((each) => each.stop()))
    },
    kill: (signal) => all.forEach((each) => each.kill(signal)),
    async restart() {
      await Promise.all(all.map((each) => each.restart()))
    },
  }
}
