/** What a broker of a local stack is told: server.properties and how it logs. */
import { megabytes } from '../../runtime/topic.ts'
import { host } from './ports.ts'

/** Above the largest record of any topic, with room for its key, headers and batch. */
export const largestBatch = megabytes(32)

export interface Listener {
  /** Upper case, of the properties that are its own: `listener.name.<lower case>.…`. */
  readonly name: string
  readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
  readonly port: number
}

export interface BrokerPorts {
  readonly broker: number
  readonly controller: number
}

export interface BrokerSettings {
  readonly id: number
  readonly ports: BrokerPorts
  /** `1@127.0.0.1:9093`, of every controller of the cluster. */
  readonly voters: readonly string[]
  readonly listeners: readonly Listener[]
}

const network = ({ id, ports, voters, listeners }: BrokerSettings) => {
  const own = [{ name: 'PLAINTEXT', protocol: 'PLAINTEXT', port: ports.broker }, ...listeners]
  const address = ({ name, port }: { name: string; port: number }) => `${name}://${host}:${port}`
  return {
    'process.roles': 'broker,controller',
    'node.id': String(id),
    'controller.quorum.voters': voters.join(','),
    'controller.listener.names': 'CONTROLLER',
    listeners: [...own.map(address), address({ name: 'CONTROLLER', port: ports.controller })].join(','),
    'advertised.listeners': own.map(address).join(','),
    'listener.security.protocol.map': [
      ...own.map(({ name, protocol }) => `${name}:${protocol}`),
      'CONTROLLER:PLAINTEXT',
    ].join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
  }
}

/** Few partitions for what the brokers keep of groups and transactions: after a kill they read every one again. */
const internals = (size: number) => {
  const [replicas, least] = [String(Math.min(3, size)), String(size >= 3 ? 2 : 1)]
  return {
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': least,
    'share.coordinator.state.topic.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': least,
    'default.replication.factor': replicas,
    'min.insync.replicas': least,
  }
}

const conduct = {
  'auto.create.topics.enable': 'false',
  'broker.session.timeout.ms': '2000',
  'broker.heartbeat.interval.ms': '500',
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '1000',
  'message.max.bytes': String(largestBatch),
  'replica.fetch.max.bytes': String(largestBatch),
  'socket.request.max.bytes': String(4 * largestBatch),
  // A laptop may be closed for longer than the week after which a group's progress would be forgotten.
  'offsets.retention.minutes': String(366 * 24 * 60),
  'log.cleaner.dedupe.buffer.size': String(megabytes(16)),
}

/** `given` has the last word. The data lie in `kafka`, relative to the broker's working folder. */
export const brokerProperties = (settings: BrokerSettings, given: Readonly<Record<string, string>>) => ({
  ...network(settings),
  ...internals(settings.voters.length),
  ...conduct,
  'log.dirs': 'kafka',
  ...given,
})

/** A text of Java's properties: Latin-1, with a backslash that means something. */
const escaped = (text: string) =>
  text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

export const propertiesText = (properties: Readonly<Record<string, string>>): string =>
  Object.entries(properties)
    .map(([name, value]) => `${name}=${escaped(value)}\n`)
    .join('')

export const loggingText = propertiesText({
  status: 'error',
  'appender.c.type': 'Console',
  'appender.c.name': 'c',
  'appender.c.layout.type': 'PatternLayout',
  'appender.c.layout.pattern': '%d{yyyy-MM-dd HH:mm:ss.SSS} %p %c{1} %m%n',
  'rootLogger.level': 'WARN',
  'rootLogger.appenderRef.c.ref': 'c',
})
