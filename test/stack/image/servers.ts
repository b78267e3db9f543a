/** Broker and registry, each in a container of the image, told what the local stack tells them. */
import { GenericContainer, type StartedTestContainer } from 'testcontainers'
import { host } from '../../../adapters/stack/ports.ts'
import { newClusterId } from '../../../adapters/stack/broker.ts'
import { probeBroker } from '../../../adapters/stack/probe.ts'
import { probeRegistry, registryUrl } from '../../../adapters/stack/registry.ts'
import { brokerProperties, loggingText, propertiesText, type BrokerPorts } from '../../../adapters/stack/settings.ts'
import { inImage } from './context.ts'
import type { Image } from './image.ts'
import { ofThisProcess } from './left.ts'
import { ready } from './ready.ts'

/** Ports of a container are bound on every address of the machine unless one is named. */
class OnLoopback extends GenericContainer {
  protected override async beforeContainerCreated() {
    const bindings = Object.values(this.hostConfig.PortBindings as Record<string, { HostIp?: string }[]>).flat()
    for (const binding of bindings) binding.HostIp = host
  }
}

/**
 * A server listens in its container on the port that it is reached by from outside: one address of it then holds in both
 * places, and the broker, which talks to itself by the address that it advertises, needs no second listener.
 */
const container = ({ tag }: Image, port: number, command: string[], probe: () => Promise<void>) =>
  new OnLoopback(tag)
    .withExposedPorts({ container: port, host: port })
    .withLabels(ofThisProcess)
    .withCommand(command)
    .withWaitStrategy(ready(probe))

/** Waits until a transaction went through. */
export const startBroker = (image: Image, ports: BrokerPorts): Promise<StartedTestContainer> => {
  const listeners = `PLAINTEXT://0.0.0.0:${ports.broker},CONTROLLER://${host}:${ports.controller}`
  const voters = [`1@${host}:${ports.controller}`]
  const properties = brokerProperties({ id: 1, ports, voters, listeners: [] }, { listeners })
  const java = `-XX:+UseSerialGC -Dlog4j2.configurationFile=log4j2.properties -cp '${inImage.kafka}/*'`
  const format = `java -XX:TieredStopAtLevel=1 ${java} kafka.tools.StorageTool format -t ${newClusterId()} -c server.properties`
  const run = `exec java -Xms128m -Xmx768m ${java} kafka.Kafka server.properties`
  const address = `${host}:${ports.broker}`
  return container(image, ports.broker, ['/bin/sh', '-c', `${format} && ${run}`], () => probeBroker(address, 1))
    .withCopyContentToContainer([
      { content: propertiesText(properties), target: `${inImage.work}/server.properties` },
      { content: loggingText, target: `${inImage.work}/log4j2.properties` },
    ])
    .start()
}

/** Waits until it answers. */
export const startRegistry = (image: Image, port: number): Promise<StartedTestContainer> => {
  const settings = {
    'quarkus.http.host': '0.0.0.0',
    'quarkus.http.port': String(port),
    'quarkus.log.level': 'WARN',
    'quarkus.http.access-log.enabled': 'false',
    'apicurio.storage.kind': 'sql',
    'apicurio.storage.sql.kind': 'h2',
    'apicurio.datasource.url': 'jdbc:h2:file:./registry;AUTO_SERVER=FALSE',
  }
  const given = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`)
  const memory = ['-Xms32m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
  const command = ['java', ...memory, ...given, '-jar', image.jar]
  return container(image, port, command, () => probeRegistry(registryUrl(port))).start()
}
