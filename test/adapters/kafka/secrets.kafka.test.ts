/** The commands of a tenant against a broker and a registry that trust nobody; and nothing secret in all that is left. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { openKafkaLog } from '../../../adapters/kafka/log.ts'
import { Kafka, logLevel } from '../../../adapters/kafka/vendor.ts'
import { confluentRegistry } from '../../../adapters/registry/index.ts'
import { registryAccess } from '../../../cli/access.ts'
import { readConfig } from '../../../cli/config.ts'
import { openStream } from '../../../cli/streams.ts'
import { openWorld } from '../../../cli/world.ts'
import { run } from '../../cli/command.ts'
import { never } from '../../runtime/records.ts'
import { guarded, passwords, type Guarded } from './guarded.ts'
import { registryGuard, type RegistryGuard } from './registry-guard.ts'

const registryPassword = 'reg:istry-s3cret'
const registryToken = 'registry.t0ken'
const wrong = 'wr0ng-s3cret'
const secrets = [passwords.acme, registryPassword, registryToken, wrong]

let it: Guarded
let registry: RegistryGuard

beforeAll(async () => {
  it = await guarded()
  const certificate = it.ca.issue('registry', 'IP:127.0.0.1')
  const basic = `Basic ${Buffer.from(`acme:${registryPassword}`).toString('base64')}`
  const behind = process.env['GAINSTREAM_TEST_REGISTRY'] ?? ''
  registry = await registryGuard(behind, certificate, [basic, `Bearer ${registryToken}`])
  await it.grant('acme', 'acme')
})
afterAll(async () => {
  await registry.close()
  await it.stop()
})

const file = (name: string, content: string) => {
  const path = join(it.folder, name)
  writeFileSync(path, content)
  return path
}

describe('a registry that wants to know who asks', () => {
  const schema = { type: 'record', name: 'Guarded', fields: [{ name: 'id', type: 'string' }] }
  const registered = async (given: Readonly<Record<string, string>>) => {
    const base = { url: registry.url, ca: it.ca.files.cert, ...given }
    const flags = Object.fromEntries(Object.entries(base).map(([name, value]) => [`registry.${name}`, value || null]))
    const options = await registryAccess(readConfig({ env: {}, flags }))
    const client = confluentRegistry({ ...options, create: true, patience: 0 })
    return client.schema(await client.register(`acme.guarded.${it.broker.id}-value`, schema))
  }

  test('is told by a password', async () => {
    expect(await registered({ username: 'acme', password: registryPassword })).toMatchObject({ name: 'Guarded' })
  })
  test('is told by a token from a file', async () => {
    expect(await registered({ token_file: file('rt', `${registryToken}\n`) })).toMatchObject({ name: 'Guarded' })
  })
  test('is not asked again when it refuses, and the sentence holds no secret', async () => {
    const refused = registered({ username: 'acme', password: wrong })
    await expect(refused).rejects.toThrow(
      /does not accept who asks \(401\): set registry\.username with registry\.pass/,
    )
    await expect(refused).rejects.not.toThrow(wrong)
  })
  test('must be one that somebody vouches for', async () => {
    await expect(registered({ ca: '', token: registryToken })).rejects.toThrow(/is not trusted .* registry\.ca/)
  })
})

describe('the commands of a tenant', () => {
  const settings = () => ({
    ...{ engine: 'kafka', prefix: 'acme', stream: 'secret', partitions: 2, log: 'debug' },
    kafka: {
      brokers: [it.address],
      tls: { on: true, ca: it.ca.files.cert },
      sasl: { mechanism: 'scram-sha-512', username: 'acme' },
    },
    registry: {
      url: registry.url,
      username: 'acme',
      password_file: file('rp', `${registryPassword}\n`),
      ca: it.ca.files.cert,
    },
  })
  const command = (args: readonly string[], password: string = passwords.acme) =>
    run([...args, '--config', file('gainstream.yaml', stringify(settings()))], {
      cwd: it.folder,
      env: { GAINSTREAM_KAFKA__SASL__PASSWORD: password, GAINSTREAM_LOG: 'debug' },
    })
  const said: string[] = []
  const heard = async (args: readonly string[], password?: string) => {
    const { code, stdout, stderr } = await command(args, password)
    said.push(stdout, stderr)
    return { code, stdout, stderr }
  }

  test('do their work with a password of the broker and one of the registry', async () => {
    const applied = await heard(['topics', 'apply', '--execute'])
    expect(applied.stderr).not.toContain('gainstream:')
    expect(applied.code).toBe(0)
    const env = { GAINSTREAM_KAFKA__SASL__PASSWORD: passwords.acme }
    const config = readConfig({ env, file: join(it.folder, 'gainstream.yaml') })
    const write = (text: string) => void said.push(text)
    const world = await openWorld(config, { tty: false, write }, {})
    await openStream(world, never)
    await world.close()
    expect((await heard(['runs'])).stderr).not.toContain('Kafka')
    expect((await heard(['status'])).code).toBe(0)
    expect((await heard(['config', 'show'])).stdout).toContain('password: "***"')
    expect((await heard(['config', 'show', '--json'])).stdout).toContain('"password":"***"')
  })

  test('end with a sentence where the password is wrong', async () => {
    const { code, stderr } = await heard(['status'], wrong)
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /gainstream: connecting: Kafka does not accept who this client says that it is .* check kafka\.sasl\n/,
    )
  })

  test('leave no secret in what they say, at any level, nor in any record', async () => {
    const kafka = new Kafka({ brokers: [it.broker.address], logLevel: logLevel.NOTHING }).admin()
    await kafka.connect()
    const topics = (await kafka.listTopics()).filter((name) => name.startsWith('acme.'))
    await kafka.disconnect()
    const log = await openKafkaLog({ brokers: [it.broker.address] })
    const records: string[] = []
    for (const topic of topics)
      for await (const record of log.read(topic))
        records.push(
          `${record.key?.toString('latin1')} ${record.value?.toString('latin1')} ${JSON.stringify(record.headers)}`,
        )
    await log.close()
    expect(topics.length).toBeGreaterThan(10)
    expect(records.length).toBeGreaterThan(0)
    expect(said.join('').length).toBeGreaterThan(1_000)
    for (const secret of secrets) {
      expect(said.join('\n')).not.toContain(secret)
      expect(records.join('\n')).not.toContain(secret)
    }
  })
})
