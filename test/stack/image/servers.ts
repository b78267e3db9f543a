/** Broker and registry, each in a container of the image, told what the local stack tells them. */
import { GenericContainer, type StartedTestContainer } from 'testcontainers'
import { host } from '../../../adapters/stack/ports.ts'
import { brokerArguments, newClusterId } from '../../../adapters/stack/broker.ts'
import { probeBroker } from '../../../adapters/stack/probe.ts'
import { probeRegistry, registryArguments, registryUrl } from '../../../adapters/stack/registry.ts'
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
 * places, and the broker, which talks to itself by the address that it advertises, needs no second listener. It counts as
 * started when the probe no longer throws.
 */
export const container = ({ tag }: Image, port: number, command: string[], probe: () => Promise<void>) =>
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
  const format = [
    'kafka.tools.StorageTool',
    'format',
    `--cluster-id=${newClusterId()}`,
    '--config',
    'server.properties',
  ]
  const run = `java -cp "$0" ${format.join(' ')} && exec java "$@"`
  const jars = `${inImage.kafka}/*`
  const address = `${host}:${ports.broker}`
  return container(image, ports.broker, ['/bin/sh', '-c', run, jars, ...brokerArguments(inImage.kafka)], () =>
    probeBroker(address, 1),
  )
    .withCopyContentToContainer([
      { content: propertiesText(properties), target: `${inImage.work}/server.properties` },
      { content: loggingText, target: `${inImage.work}/log4j2.properties` },
    ])
    .start()
}

/** Waits until it answers. */
export const startRegistry = (image: Image, port: number): Promise<StartedTestContainer> => {
  const properties = { 'quarkus.http.host': '0.0.0.0' }
  const ports = { registry: port, management: 9000 }
  const command = ['java', ...registryArguments({ jar: image.jar, ports, properties })]
  return container(image, port, command, () => probeRegistry(registryUrl(port))).start()
}
