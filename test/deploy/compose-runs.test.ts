/**
 * What deploy/compose.yaml gives to its containers, given to containers of the image that the tests build: the program by
 * which Apache's image turns variables into settings is among the broker's jars.
 */
import { afterAll, describe, expect, test } from 'vitest'
import type { StartedTestContainer } from 'testcontainers'
import { freePorts, host } from '../../adapters/stack/ports.ts'
import { probeBroker } from '../../adapters/stack/probe.ts'
import { probeRegistry, registryUrl } from '../../adapters/stack/registry.ts'
import { home } from '../../cli/config.ts'
import { engine } from '../stack/containers.ts'
import { inImage } from '../stack/image/context.ts'
import { image } from '../stack/image/image.ts'
import { container } from '../stack/image/servers.ts'
import { composeWith } from './compose.ts'

const client = await engine()
const title = 'the environment of the compose file'
const jars = `${inImage.kafka}/*`

describe.skipIf('reason' in client)('reason' in client ? `SKIPPED: ${title}, because ${client.reason}` : title, () => {
  const started: StartedTestContainer[] = []
  afterAll(() => Promise.all(started.map((each) => each.stop())))

  const given = async (name: 'BROKER_PORT' | 'REGISTRY_PORT') => {
    if ('reason' in client) throw new Error(client.reason)
    const [port] = (await freePorts(1)) as [number]
    return { made: await image(client, home(process.env), process.env), port, ...composeWith({ [name]: port }) }
  }

  test('makes a broker that commits transactions', { timeout: 200_000 }, async () => {
    const { made, port, services } = await given('BROKER_PORT')
    const folders = ['--default-configs-dir', '/tmp', '--mounted-configs-dir', '/opt', '--final-configs-dir', '/tmp']
    const setUp = `java -cp '${jars}' kafka.docker.KafkaDockerWrapper setup ${folders.join(' ')}`
    const run = `exec java $KAFKA_HEAP_OPTS $KAFKA_JVM_PERFORMANCE_OPTS -cp '${jars}' kafka.Kafka /tmp/server.properties`
    const probe = () => probeBroker(`${host}:${port}`, 1)
    const broker = container(made, port, ['/bin/sh', '-c', `${setUp} && ${run}`], probe)
    started.push(await broker.withEnvironment(services.broker.environment).start())
    await expect(probe()).resolves.toBeUndefined()
  })

  test('makes a registry that answers', { timeout: 200_000 }, async () => {
    const { made, port, services } = await given('REGISTRY_PORT')
    const environment = { ...services.registry.environment, QUARKUS_HTTP_PORT: String(port) }
    const run = `exec java $JAVA_OPTS_APPEND -jar ${made.jar}`
    const probe = () => probeRegistry(registryUrl(port))
    const registry = container(made, port, ['/bin/sh', '-c', run], probe)
    started.push(await registry.withEnvironment(environment).start())
    await expect(probe()).resolves.toBeUndefined()
  })
})
