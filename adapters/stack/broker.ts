/** One broker: Apache Kafka in KRaft mode, a controller as well, listening on this machine only. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fatal } from '../../runtime/errors.ts'
import type { Java } from './java.ts'
import { host } from './ports.ts'
import { probeBroker } from './probe.ts'
import { server, type Server } from './server.ts'
import { brokerProperties, loggingText, propertiesText, type BrokerPorts, type Listener } from './settings.ts'
import { tool, type ToolEnd } from './tool.ts'

export interface BrokerOptions {
  /** Its own: data, log, settings and record. */
  readonly folder: string
  readonly java: Java
  /** Folder of Kafka's jars. */
  readonly jars: string
  readonly ports: BrokerPorts
  /** From 1 (default). */
  readonly id?: number
  /** Every controller of its cluster, `1@127.0.0.1:9093` (default: itself alone). */
  readonly voters?: readonly string[]
  /** The same for all brokers of a cluster (default: made anew when the storage is). */
  readonly clusterId?: string
  /** Beside the plain one, which is for this machine's own use and for the probe. */
  readonly listeners?: readonly Listener[]
  /** Further server.properties; they have the last word. */
  readonly properties?: Readonly<Record<string, string>>
  /** Further arguments of the storage tool when the storage is made, e.g. `--add-scram …`. */
  readonly format?: readonly string[]
  readonly detached?: boolean
  /** What to change where one of the ports is taken. */
  readonly remedy?: (port: string) => string
  /** Largest heap (default `768m`). */
  readonly heap?: string
}

export interface Broker extends Server {
  readonly id: number
  /** Of its plain listener, `host:port`. */
  readonly address: string
  readonly folder: string
  /** Runs one of Kafka's tools, by its main class, e.g. `org.apache.kafka.tools.consumer.ConsoleConsumer`. */
  tool(main: string, args: readonly string[], more?: { input?: string; signal?: AbortSignal }): Promise<ToolEnd>
}

/** 22 characters, as Kafka's own tool makes them. */
export const newClusterId = () => randomBytes(16).toString('base64url')

/** Makes the storage aside, so that a start that was killed in the middle leaves no half of one. */
const format = async (options: BrokerOptions, properties: Readonly<Record<string, string>>) => {
  const { folder, java, jars, clusterId = newClusterId(), format: more = [] } = options
  const aside = 'kafka-aside'
  await rm(join(folder, aside), { recursive: true, force: true })
  await writeFile(join(folder, 'format.properties'), propertiesText({ ...properties, 'log.dirs': aside }), {
    mode: 0o600,
  })
  const args = ['format', `--cluster-id=${clusterId}`, '--config', 'format.properties', ...more]
  const { code, stdout, stderr } = await tool({
    ...{ command: java.command, jars, main: 'kafka.tools.StorageTool', args, cwd: folder },
  })
  await rm(join(folder, 'format.properties'))
  if (code !== 0) throw new Fatal(`the broker's storage cannot be made: ${(stderr || stdout).trim().split('\n')[0]}`)
  await rename(join(folder, aside), join(folder, 'kafka'))
}

const prepare = async (options: BrokerOptions) => {
  const { folder, id = 1, ports, listeners = [], properties: given = {} } = options
  const voters = options.voters ?? [`${id}@${host}:${ports.controller}`]
  const properties = brokerProperties({ id, ports, voters, listeners }, given)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'log4j2.properties'), loggingText)
  await writeFile(join(folder, 'server.properties'), propertiesText(properties), { mode: 0o600 })
  if (!existsSync(join(folder, 'kafka'))) await format(options, properties)
}

/** What Java is told that runs in a folder with the settings. */
export const brokerArguments = (jars: string, heap = '768m'): string[] => [
  ...['-Xms128m', `-Xmx${heap}`, '-XX:+UseSerialGC', '-Dlog4j2.configurationFile=log4j2.properties'],
  ...['-cp', join(jars, '*'), 'kafka.Kafka', 'server.properties'],
]

/** A broker that is not started yet, or that was and is found again by what stands in its folder. */
export const brokerServer = (options: BrokerOptions): Broker => {
  const { folder, java, jars, ports, id = 1, detached = false, heap, remedy } = options
  const address = `${host}:${ports.broker}`
  const made = server({
    ...{ name: 'broker', folder, log: 'kafka.log', ports: { ...ports }, command: java.command, detached },
    ...(remedy && { remedy }),
    args: brokerArguments(jars, heap),
    prepare: () => prepare(options),
    probe: () => probeBroker(address, id),
  })
  return {
    ...made,
    get pid() {
      return made.pid
    },
    ...{ id, address, folder },
    tool: (main, args, more) => tool({ command: java.command, jars, main, args, cwd: folder, ...more }),
  }
}

/** Starts it and waits until a transaction went through. @throws Fatal that names its log */
export const startBroker = async (options: BrokerOptions): Promise<Broker> => {
  const broker = brokerServer(options)
  await broker.start()
  return broker
}
