import { expect, test } from 'vitest'
import { brokerArguments } from '../../adapters/stack/broker.ts'
import { versions } from '../../adapters/stack/maven.ts'
import { registryArguments, registryProperties, registryUrl } from '../../adapters/stack/registry.ts'
import { brokerProperties } from '../../adapters/stack/settings.ts'
import { kafka, registry } from '../../cli/services.ts'
import { brokerSettings, composeWith } from './compose.ts'

const compose = composeWith({})
const { broker, registry: schemas } = compose.services
const ports = { broker: 9092, controller: 9093 }

/** `log.dirs` as a variable of the environment. */
const variable = (property: string) => property.toUpperCase().replace(/[.-]/g, '_')

test('the broker is told what that of the local stack is told, but for where it listens and keeps its data', () => {
  const voters = [`1@127.0.0.1:${ports.controller}`]
  const local = brokerProperties(
    { id: 1, ports, voters, listeners: [] },
    { listeners: 'PLAINTEXT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093', 'log.dirs': '/var/lib/kafka/data' },
  )
  expect(brokerSettings(broker.environment)).toEqual(local)
})

test('the registry is told what that of the local stack is told, but for where it listens and keeps its data', () => {
  const local = registryProperties({ ports: { registry: 8081, management: 0 } })
  const own = Object.entries(local).filter(([name]) => !name.startsWith('quarkus.management.'))
  const { JAVA_OPTS_APPEND: _, ...told } = schemas.environment
  expect(told).toEqual({
    ...Object.fromEntries(own.map(([name, value]) => [variable(name), value])),
    QUARKUS_HTTP_HOST: '0.0.0.0',
    APICURIO_DATASOURCE_URL: local['apicurio.datasource.url'].replace('file:./', 'file:/data/'),
  })
})

test('both have the memory that they have in the local stack', () => {
  const { KAFKA_HEAP_OPTS: heap, KAFKA_JVM_PERFORMANCE_OPTS: collector } = broker.environment
  const jvm = (args: string[]) => args.filter((arg) => /^-X(m|X:\+Use)/.test(arg)).join(' ')
  expect(`${heap} ${collector}`).toBe(jvm(brokerArguments('libs')))
  const registryArgs = registryArguments({ jar: 'x.jar', ports: { registry: 8081, management: 0 } })
  expect(schemas.environment['JAVA_OPTS_APPEND']).toBe(jvm(registryArgs))
})

test('the images are of the versions that the local stack runs', () => {
  expect(broker.image).toBe(`apache/kafka:${versions.kafka}`)
  expect(schemas.image).toBe(`apicurio/apicurio-registry:${versions.apicurio}`)
})

test('both are published on the loopback only, where the command looks for them unless it is told otherwise', () => {
  expect(kafka.parse(undefined).brokers).toEqual(['127.0.0.1:9092'])
  expect(broker.ports).toEqual(['127.0.0.1:9092:9092'])
  expect(registry.parse(undefined).url).toBe(registryUrl(8081))
  expect(schemas.ports).toEqual(['127.0.0.1:8081:8081'])
})

test('the data of both lie in volumes with names, so that they outlive the containers', () => {
  const named = [broker, schemas].flatMap(({ volumes }) => volumes.map((volume) => volume.split(':')[0]))
  expect(named.sort()).toEqual(Object.keys(compose.volumes).sort())
  expect(broker.volumes[0]?.split(':')[1]).toBe(brokerSettings(broker.environment)['log.dirs'])
  expect(schemas.environment['APICURIO_DATASOURCE_URL']).toContain(`file:${schemas.volumes[0]?.split(':')[1]}/`)
})
