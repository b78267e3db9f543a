import { hostname } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { getContainerRuntimeClient } from 'testcontainers'
import { Kafka, logLevel } from '../../adapters/kafka/vendor.ts'
import { brokerProperties } from '../../adapters/stack/settings.ts'
import { containers, engine, type Containers } from './containers.ts'
import { label, removeLeft } from './image/left.ts'

const client = await engine()
const away = 'reason' in client

/** Of all processes, running or not. */
const labelled = async () => {
  const { container } = await getContainerRuntimeClient()
  return container.dockerode.listContainers({ all: true, filters: { label: [label] } })
}
const ours = async () => (await labelled()).filter(({ Labels }) => Labels[label] === `${hostname()}/${process.pid}`)

const settingsOf = async (address: string): Promise<Map<string, string>> => {
  const admin = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 4, name: '1' }] })
  await admin.disconnect()
  return new Map(resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]))
}

describe.skipIf(away)(away ? `SKIPPED: no containers, because ${client.reason}` : 'servers in containers', () => {
  let started: Containers
  beforeAll(async () => {
    const found = await containers()
    if ('reason' in found) throw new Error(found.reason)
    started = found
  })
  afterAll(() => started?.stop())

  test('the broker has the settings of a broker of the local stack', async () => {
    const broker = Number(started.brokers.split(':')[1])
    const listens = { listeners: '', 'controller.quorum.voters': '' }
    const local = brokerProperties({ id: 1, ports: { broker, controller: 0 }, voters: [''], listeners: [] }, listens)
    const told = await settingsOf(started.brokers)
    for (const [name, value] of Object.entries(local))
      if (!Object.hasOwn(listens, name)) expect([name, told.get(name)]).toEqual([name, value])
  })

  test('the registry keeps a schema and finds it again', async () => {
    const schema = JSON.stringify({ schema: '"string"' })
    const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
    const posted = await fetch(`${started.registry}/subjects/s-value/versions`, {
      method: 'POST',
      headers,
      body: schema,
    })
    const { id } = (await posted.json()) as { id: number }
    const found = await fetch(`${started.registry}/schemas/ids/${id}`)
    expect(await found.json()).toMatchObject({ schema: '"string"' })
  })

  test('no other machine can reach them', async () => {
    const ports = (await ours()).flatMap(({ Ports }) => Ports).filter(({ PublicPort }) => PublicPort !== undefined)
    expect(ports.map(({ IP }) => IP)).toEqual(['127.0.0.1', '127.0.0.1'])
  })

  test('a container is removed by the next who starts some when its process is gone, and only then', async () => {
    const engine = (await getContainerRuntimeClient()).container.dockerode
    const [one] = await ours()
    const gone = 2 ** 22 + 1 // above the highest number that Linux gives to a process
    const make = (owner: string) =>
      engine.createContainer({ Image: one!.Image, Cmd: ['java'], Labels: { [label]: `${owner}/${gone}` } })
    const [left, elsewhere] = [await make(hostname()), await make('not-here')]
    await removeLeft(await getContainerRuntimeClient())
    const there = (await labelled()).map(({ Id }) => Id)
    await elsewhere.remove()
    expect(there).not.toContain(left.id)
    expect(there).toContain(elsewhere.id)
    expect(await ours()).toHaveLength(2)
  })

  test('nothing of them is left when they are stopped', async () => {
    await started.stop()
    expect(await ours()).toEqual([])
  })
})
