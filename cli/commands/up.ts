import { join, resolve } from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import { stringify } from 'yaml'
import { up, type Standing } from '../../adapters/stack/index.ts'
import { Fatal } from '../../runtime/errors.ts'
import { configOf, withGlobals, type Globals, type Io } from '../command.ts'
import { home, type Config } from '../config.ts'
import { folder as dataFolder } from '../engines.ts'
import { slowly } from '../progress.ts'
import { table } from '../report.ts'

interface Flags extends Globals {
  readonly brokerPort?: number
  readonly controllerPort?: number
  readonly registryPort?: number
  readonly managementPort?: number
}

/** Where the servers of a project keep their data, logs and records. */
export const stackFolder = ({ data }: Config): string => resolve(join(data, 'stack'))

const port = (value: string): number => {
  const read = Number(value)
  if (!Number.isInteger(read) || read < 1 || read > 65_535)
    throw new InvalidArgumentError('It must be a port, from 1 to 65535.')
  return read
}

const hosts = ['127.0.0.1', 'localhost']

/** The port that the configuration expects on this machine. */
const expected = (setting: string, flag: string, address: string): number => {
  const url = new URL(address.includes('://') ? address : `tcp://${address}`)
  if (hosts.includes(url.hostname)) return Number(url.port || 80)
  throw new Fatal(
    `${setting} names ${url.host}, and up starts servers on this machine only: set ${setting} to 127.0.0.1, or give ${flag}`,
  )
}

const remedy = (name: string) => `choose another with --${name}-port, or stop that program`

/** What a configuration must say to use these servers. */
const settings = (servers: readonly Standing[]) => {
  const address = (name: string) => servers.find((each) => each.name === name)?.address
  return { engine: 'kafka', kafka: { brokers: [address('broker')] }, registry: { url: address('registry') } }
}

/** Most often everything is there already: only what takes long is shown. */
const fetching = ({ screen }: Io) => {
  const bars = new Map<string, ReturnType<typeof slowly>>()
  return (what: string, done: number, total?: number) => {
    const bar = bars.get(what) ?? slowly(what, screen)
    bars.set(what, bar)
    bar.update(done, total)
  }
}

type Ports = Pick<Flags, 'brokerPort' | 'controllerPort' | 'registryPort' | 'managementPort'>

/** Brings up what the configuration expects on this machine, or finds it. */
export const brought = (config: Config, io: Io, asked: Ports = {}): Promise<Standing[]> => {
  const { brokerPort: broker, registryPort: registry, controllerPort: controller, managementPort: management } = asked
  const ports = { broker, registry, controller, management }
  const { kafka, registry: schemas } = config
  const defaults = {
    broker: broker ?? expected('kafka.brokers', '--broker-port', kafka.brokers[0] ?? ''),
    registry: registry ?? expected('registry.url', '--registry-port', schemas.url),
  }
  dataFolder(config.data) // refuses with a sentence where nothing can be written
  const [folder, onProgress] = [stackFolder(config), fetching(io)]
  return up({ folder, home: home(io.env), env: io.env, ports, defaults, remedy, onProgress })
}

const act = (io: Io) => async (flags: Flags) => {
  const config = configOf(io, flags)
  const folder = stackFolder(config)
  const servers = await brought(config, io, flags)
  if (flags.json) return io.out(JSON.stringify({ folder, servers, settings: settings(servers) }))
  const state = ({ found, pid }: Standing) => `${found ? 'already runs' : 'started'}, pid ${pid}`
  io.out(table(servers.map((each) => [each.name, each.address, state(each)])))
  io.out(`data and logs are in ${folder}; gainstream.yaml needs this to use them:\n\n${stringify(settings(servers))}`)
}

export const upCommand = (program: Command, io: Io) => {
  const command = program
    .command('up')
    .description('start a Kafka broker and a schema registry on this machine, without Docker; they go on until `down`')
    .option('--broker-port <port>', 'of the broker (default: that of kafka.brokers, 9092)', port)
    .option('--registry-port <port>', 'of the schema registry (default: that of registry.url, 8081)', port)
    .option('--controller-port <port>', 'of the controller within the broker (default: a free one)', port)
    .option('--management-port <port>', 'of what the registry says of itself (default: a free one)', port)
  withGlobals(command).action(act(io))
}
