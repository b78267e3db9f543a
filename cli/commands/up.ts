import { join, resolve } from 'node:path'
import { Argument, InvalidArgumentError, Option, type Command } from 'commander'
import { stringify } from 'yaml'
import { keepMilvus, serve, up, type Dtype, type Serving, type Standing } from '../../adapters/stack/index.ts'
import { Fatal } from '../../runtime/errors.ts'
import { configOf, withGlobals, type Globals, type Io } from '../command.ts'
import { home, type Config } from '../config.ts'
import { folder as dataFolder } from '../engines.ts'
import { duration, slowly } from '../progress.ts'
import { table } from '../report.ts'

interface Flags extends Globals {
  readonly brokerPort?: number
  readonly controllerPort?: number
  readonly registryPort?: number
  readonly managementPort?: number
  readonly vllmPort?: number
  readonly milvusPort?: number
  readonly model?: string
  readonly dtype?: Dtype
  readonly context?: number
}

const choices = ['kafka', 'vllm', 'milvus', 'all'] as const
type Asked = (typeof choices)[number]

/** Where the servers of a project keep their data, logs and records. */
export const stackFolder = ({ data }: Config): string => resolve(join(data, 'stack'))

const whole = (what: string, from: number, to: number) => (value: string) => {
  const read = Number(value)
  if (!Number.isInteger(read) || read < from || read > to)
    throw new InvalidArgumentError(`It must be ${what}, from ${from} to ${to}.`)
  return read
}
const port = whole('a port', 1, 65_535)

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

/** A line every ten seconds; one that is rewritten on a terminal, and wiped out once it answers. */
const waiting = ({ screen: { tty, write } }: Io) => {
  let last = 0
  return {
    update: (seconds: number) => {
      if (seconds - last < (tty ? 1 : 10)) return
      last = seconds
      const line = `waiting for vLLM to load the model and to answer: ${duration(seconds)}, 5 min at most`
      write(tty ? `\r\u001b[2K${line}` : `${line}\n`)
    },
    end: () => tty && last > 0 && write('\r\u001b[2K'),
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

type Reader = Pick<Flags, 'vllmPort' | 'model' | 'dtype' | 'context'>

/** Brings up the vLLM server that the configuration expects on this machine, or finds it. */
export const broughtVllm = async (config: Config, io: Io, asked: Reader = {}): Promise<Serving> => {
  const { vllmPort, model, dtype, context } = asked
  const defaultPort = vllmPort ?? expected('vllm.urls', '--vllm-port', config.vllm.urls[0] ?? '')
  dataFolder(config.data)
  const [folder, onProgress, wait] = [stackFolder(config), fetching(io), waiting(io)]
  const asking = { port: vllmPort, defaultPort, model, dtype, context, remedy }
  try {
    return await serve({ folder, home: home(io.env), env: io.env, ...asking, onProgress, onWaiting: wait.update })
  } finally {
    wait.end()
  }
}

/** Brings up the Milvus Lite server that the configuration expects on this machine, or finds it. */
export const broughtMilvus = (config: Config, io: Io, port?: number): Promise<Standing> => {
  const defaultPort = port ?? expected('milvus.address', '--milvus-port', config.milvus.address)
  dataFolder(config.data)
  return keepMilvus({ folder: stackFolder(config), home: home(io.env), port, defaultPort, remedy })
}

/** What a configuration must say to use it. */
const storeSettings = ({ address }: Standing) => ({ store: { engine: 'milvus' }, milvus: { address } })

/** What a configuration must say to use this server. */
const readerSettings = ({ address, model }: Serving) => ({
  reader: { engine: 'vllm' },
  vllm: { urls: [address], tokenizer: model },
})

const act = (io: Io) => async (asked: readonly Asked[], flags: Flags) => {
  const config = configOf(io, flags)
  const folder = stackFolder(config)
  const wants = (what: Asked) => asked.includes(what) || asked.includes('all')
  const kafka = wants('kafka') ? await brought(config, io, flags) : []
  const vllm = wants('vllm') ? await broughtVllm(config, io, flags) : undefined
  const milvus = wants('milvus') ? await broughtMilvus(config, io, flags.milvusPort) : undefined
  const servers = [...kafka, ...(vllm ? [vllm] : []), ...(milvus ? [milvus] : [])]
  const needed = {
    ...{ ...(kafka.length > 0 && settings(kafka)), ...(vllm && readerSettings(vllm)) },
    ...(milvus && storeSettings(milvus)),
  }
  if (flags.json) return io.out(JSON.stringify({ folder, servers, settings: needed }))
  const state = ({ found, pid }: Standing) => `${found ? 'already runs' : 'started'}, pid ${pid}`
  io.out(table(servers.map((each) => [each.name, each.address, state(each)])))
  io.out(`data and logs are in ${folder}; gainstream.yaml needs this to use them:\n\n${stringify(needed)}`)
}

export const upCommand = (program: Command, io: Io) => {
  const command = program
    .command('up')
    .description('start servers on this machine, without Docker; they go on until `down`')
    .addArgument(
      new Argument(
        '[servers...]',
        'kafka: a broker and a schema registry; vllm: a reader on the CPU, with the plugin; milvus: Milvus Lite',
      )
        .choices(choices)
        .default(['kafka'] satisfies Asked[], 'kafka'),
    )
    .option('--broker-port <port>', 'of the broker (default: that of kafka.brokers, 9092)', port)
    .option('--registry-port <port>', 'of the schema registry (default: that of registry.url, 8081)', port)
    .option('--controller-port <port>', 'of the controller within the broker (default: a free one)', port)
    .option('--management-port <port>', 'of what the registry says of itself (default: a free one)', port)
    .option('--vllm-port <port>', 'of vLLM (default: that of vllm.urls, 8000)', port)
    .option('--milvus-port <port>', 'of Milvus Lite (default: that of milvus.address, 19530)', port)
    .option(
      '--model <name>',
      'for vLLM: a folder of safetensors or a model of the hub (default: SmolLM2-135M-Instruct)',
    )
    .addOption(
      new Option(
        '--dtype <type>',
        'for vLLM: of weights (default: bfloat16 where the CPU computes with it, else float32)',
      ).choices(['bfloat16', 'float32']),
    )
    .option('--context <tokens>', 'for vLLM: of prompt and answer (default: 1024)', whole('tokens', 64, 1_000_000))
  withGlobals(command).action(act(io))
}
