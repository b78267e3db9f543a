/** One process's way to the cluster: its settings, its shared connection, and patience while a broker is away. */
import { Fatal, sentence, Unavailable } from '../../runtime/errors.ts'
import { delay, pause, within } from '../../runtime/wait.ts'
import { translated } from './failures.ts'
import { authentication, plain, secured, type Connect, type Sasl, type Tls } from './security.ts'
import { ClusterClass, createLogger, Kafka, logLevel, type Cluster } from './vendor.ts'

/** Times in milliseconds. */
export interface KafkaOptions {
  /** Bootstrap servers, `host:port`. */
  brokers: readonly string[]
  clientId?: string
  /** A member that gives no sign of life for this long has lost its partitions (default 45,000). */
  session?: number
  /** Between two signs of life (default 3,000). */
  heartbeat?: number
  /** How long a question is asked again while no broker answers, before it fails (default 60,000). */
  patience?: number
  /** The longest that one settle or one request may take (default 15,000). */
  deadline?: number
  /** After which brokers abort what a dead process left open; longer than the deadline (default 20,000). */
  transactionTimeout?: number
  /** The longest that a fetch waits at the broker for something to come (default 500). */
  poll?: number
  /** Replicas of topics that this log makes (default: what the brokers say). */
  replication?: number
  /** Makes topics that are missing (default true); else `apply` only verifies, as workers of a cluster should. */
  create?: boolean
  /** Connections are encrypted, and brokers prove who they are (default: neither). */
  tls?: Tls | undefined
  /** Who this client says that it is (default: nobody). */
  sasl?: Sasl | undefined
  /** How a connection is made, under TLS where that is asked for (default: plain TCP). */
  connect?: Connect
  /** Told once, with a sentence, when no broker has answered yet and it goes on asking (default: nobody). */
  onWaiting?: ((why: string) => void) | undefined
}
type Absent = 'replication' | 'tls' | 'sasl' | 'onWaiting'
export type Settings = Required<Omit<KafkaOptions, Absent>> & { [Name in Absent]: KafkaOptions[Name] | undefined }

export const settingsOf = (options: KafkaOptions): Settings => ({
  brokers: options.brokers,
  clientId: options.clientId ?? 'gainstream',
  session: options.session ?? 45_000,
  heartbeat: options.heartbeat ?? 3_000,
  patience: options.patience ?? 60_000,
  deadline: options.deadline ?? 15_000,
  transactionTimeout: options.transactionTimeout ?? 20_000,
  poll: options.poll ?? 500,
  replication: options.replication,
  create: options.create ?? true,
  tls: options.tls,
  sasl: options.sasl,
  connect: options.connect ?? plain,
  onWaiting: options.onWaiting,
})

export interface Client {
  readonly settings: Settings
  readonly kafka: InstanceType<typeof Kafka>
  /** Aborted when the log is closed. */
  readonly closed: AbortSignal
  /** Connections of their own, for whoever lets a broker wait. Closed with the log. */
  borrow(): Cluster
  /** Kept for the next one who borrows, or closed where nothing more can be expected of them. */
  giveBack(cluster: Cluster, sound: boolean): void
  /** Asks on the shared connection; again while no broker answers. @throws Fatal; Unavailable when patience ends */
  ask<T>(what: string, work: (cluster: Cluster) => Promise<T>, signal?: AbortSignal): Promise<T>
  /** Asks once. @throws Fatal; Unavailable */
  once<T>(what: string, work: (cluster: Cluster) => Promise<T>, signal?: AbortSignal): Promise<T>
  close(): void
}

/** Closes without waiting for answers that may never come. */
export const release = (connections: { disconnect(): Promise<void> } | undefined) =>
  void connections?.disconnect().catch(() => {})

const mostIdle = 4

export const clientOf = (settings: Settings): Client => {
  const { brokers, clientId, deadline, connect, tls, sasl } = settings
  const life = new AbortController()
  const silent = { level: logLevel.NOTHING, logCreator: () => () => {} }
  const common = {
    ...{ clientId, connectionTimeout: 5_000, requestTimeout: deadline, enforceRequestTimeout: true },
    retry: { initialRetryTime: 50, maxRetryTime: 1_000, retries: 2 },
    socketFactory: secured(connect, tls),
    ...(sasl && { sasl: authentication(sasl) }),
    brokers: [...brokers],
  }
  const lent = new Set<Cluster>()
  const idle: Cluster[] = []
  const borrow = () => {
    const logger = createLogger(silent)
    const made = () => new ClusterClass({ ...common, logger, metadataMaxAge: 300_000, allowAutoTopicCreation: false })
    const one = idle.pop() ?? made()
    lent.add(one)
    return one
  }
  const giveBack = (one: Cluster, sound: boolean) => {
    lent.delete(one)
    if (sound && idle.length < mostIdle && !life.signal.aborted) idle.push(one)
    else release(one)
  }
  const shared = borrow()
  let connected = false
  let everConnected = false

  const once: Client['once'] = async (what, work, signal = life.signal) => {
    const late = () => new Unavailable(`${what}: Kafka did not answer within ${deadline} ms`, { endpoint: 'kafka' })
    try {
      return await within(deadline, signal, () => asked(work), late)
    } catch (error) {
      connected = false
      throw translated(error, what)
    }
  }
  const asked = async <T>(work: (cluster: Cluster) => Promise<T>): Promise<T> => {
    if (!connected) await connectedTo(shared)
    connected = everConnected = true
    return work(shared)
  }

  return {
    ...{ settings, borrow, giveBack, once, closed: life.signal },
    kafka: new Kafka({ ...common, logLevel: logLevel.NOTHING }),
    async ask(what, work, signal = life.signal) {
      const until = Date.now() + settings.patience
      for (let failures = 0; ; failures++) {
        try {
          return await once(what, work, signal)
        } catch (error) {
          if (error instanceof Fatal || signal.aborted || life.signal.aborted) throw error
          if (Date.now() > until) throw everConnected ? error : hinted(error)
          if (!everConnected && failures === 0) settings.onWaiting?.(waiting(error, settings))
          await pause(10 + delay({ from: 20, to: 1_000 }, failures), signal)
        }
      }
    },
    close() {
      life.abort(new Unavailable('this log was closed', { endpoint: 'kafka' }))
      for (const one of [...lent, ...idle]) release(one)
    },
  }
}

const waiting = (error: unknown, { brokers, patience }: Settings) =>
  `no broker answers at ${brokers.join(', ')} (${sentence(error instanceof Unavailable ? (error.cause ?? error) : error)}); waiting up to ${Math.round(patience / 1000)} s for it`

/** A broker that expects TLS or SASL ends other connections without a word. */
const remedies: readonly [RegExp, string][] = [
  [/Closed connection|before secure TLS/, 'check the port in kafka.brokers, kafka.tls.on and kafka.sasl.mechanism'],
  [/ECONNREFUSED|ENOTFOUND/, 'check kafka.brokers, or start one on this machine with gainstream up'],
]
const hinted = (error: unknown) => {
  const remedy = remedies.find(([pattern]) => error instanceof Unavailable && pattern.test(error.message))?.[1]
  if (!(error instanceof Unavailable) || remedy === undefined) return error
  const message = `${error.message}; ${remedy}`
  return new Unavailable(message, { cause: error, endpoint: 'kafka' })
}

/** Connects where it must, and learns which brokers there are. */
export const connectedTo = async (cluster: Cluster) => {
  await cluster.connect()
  await cluster.refreshMetadata()
}
