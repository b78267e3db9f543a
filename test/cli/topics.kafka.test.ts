/** `gainstream topics apply` on a live broker and registry; what it did is asked of them directly. */
import { randomUUID } from 'node:crypto'
import { Command } from 'commander'
import kafkajs, { type Admin } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { configOf, inWorld, type Io } from '../../cli/command.ts'
import { topicsCommand } from '../../cli/commands/topics.ts'
import { failure } from '../../cli/failure.ts'
import { openTopics } from '../../cli/streams.ts'
import { Passage } from '../../schemas/passage.ts'

const brokers = process.env['GAINSTREAM_TEST_BROKERS'] ?? ''
const registry = process.env['GAINSTREAM_TEST_REGISTRY'] ?? ''
const topicResource = 2
const month = String(30 * 86_400_000)

let admin: Admin
beforeAll(async () => {
  admin = new kafkajs.Kafka({ brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
})
afterAll(async () => {
  await admin.disconnect()
})

/** A prefix of its own, and the command in this process. */
const tenant = () => {
  const prefix = `t${randomUUID().slice(0, 8)}`
  const given = ['--engine', 'kafka', '--prefix', prefix, '--stream', 's', '--set', `kafka.brokers=${brokers}`]
  const globals = [...given, '--set', `registry.url=${registry}`]
  const heard = () => {
    const said = { out: '', err: '' }
    const io: Io = {
      env: {},
      out: (text) => void (said.out += `${text}\n`),
      screen: { tty: false, write: (text) => void (said.err += text) },
      signal: new AbortController().signal,
    }
    return { said, io }
  }
  return {
    prefix,
    apply: async (...flags: string[]) => {
      const { said, io } = heard()
      const program = new Command().exitOverride()
      topicsCommand(program, io)
      const code = await program.parseAsync(['topics', 'apply', ...globals, ...flags], { from: 'user' }).then(
        () => 0,
        (error: unknown) => failure(error, io),
      )
      return { code, ...said }
    },
    /** What a worker does before it works: its sentence, or nothing. */
    start: async (...set: string[]) => {
      const { io } = heard()
      const config = configOf(io, {
        ...{ engine: 'kafka', prefix, stream: 's' },
        set: [`kafka.brokers=${brokers}`, `registry.url=${registry}`, ...set],
      })
      return inWorld(config, io, openTopics).then(
        () => 'it started',
        (error: Error) => error.message,
      )
    },
    topics: async () => (await admin.listTopics()).filter((name) => name.startsWith(`${prefix}.`)).sort(),
    /** Those of the topics that are named; the registry lists its first thousand only. */
    subjects: async (topics: readonly string[]) => {
      const found = topics.map(async (topic) => {
        const versions = await asked('GET', `/subjects/${topic}-value/versions`)
        return Array.isArray(versions) ? [topic] : []
      })
      return (await Promise.all(found)).flat()
    },
  }
}

const asked = async (method: string, path: string, body?: object): Promise<unknown> => {
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
  const answer = await fetch(registry + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  return answer.json()
}

const settings = async (name: string) => {
  const resources = [{ type: topicResource, name }]
  const { resources: found } = await admin.describeConfigs({ includeSynonyms: false, resources })
  return Object.fromEntries(found[0]?.configEntries.map((each) => [each.configName, each.configValue]) ?? [])
}
/** The library's request takes back what it does not name: so name all that is to differ. */
const set = async (name: string, values: Record<string, string>) => {
  const configEntries = Object.entries(values).map(([key, value]) => ({ name: key, value }))
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: topicResource, name, configEntries }] })
  await expect.poll(() => settings(name)).toMatchObject(values) // brokers hear of it a moment later
}
const partitions = async (topic: string) =>
  (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.length

const line = (out: string, name: string) => out.split('\n').find((each) => each.split(/\s+/).includes(name))

describe('a stream that is not there yet', () => {
  const { prefix, apply, start, topics, subjects } = tenant()

  test('a plan makes nothing', async () => {
    const { code, out } = await apply()
    expect(code).toBe(0)
    expect(line(out, `${prefix}.s.gains`)).toMatch(/^\+ .* 6 {2}make: kept for ever, values of up to 16384 KB$/)
    expect(line(out, `${prefix}.s.drafts`)).toContain('make: kept 7 days')
    expect(line(out, `${prefix}.s.gains-value`)).toMatch(/^\+ .*register, at FULL_TRANSITIVE$/)
    expect(out).toMatch(
      /\nplanned only: gainstream topics apply --execute makes \d+ and changes 0; 0 are as they should/,
    )
    expect(await topics()).toEqual([])
    expect(await subjects([`${prefix}.s.gains`, `${prefix}.runs`])).toEqual([])
  })

  test('a worker says what is missing and which command makes it', async () => {
    expect(await start()).toMatch(
      new RegExp(`^topic ${prefix}\\.runs and \\d+ more are missing: gainstream topics apply --execute makes`),
    )
  })

  test('--execute makes topics and subjects as the catalogue has them', async () => {
    const { code, out } = await apply('--execute', '--set', 'partitions=3')
    expect([code, /\nmade (\d+), changed 0; 0 were as they should be\n$/.test(out)]).toEqual([0, true])
    expect(line(out, `${prefix}.s.gains`)).toMatch(/^\+ .* 3 {2}made: kept for ever/)
    expect(line(out, `${prefix}.s.gains-value`)).toMatch(/registered, at FULL_TRANSITIVE$/)
    const made = await topics()
    expect(made).toContain(`${prefix}.s.ingest.seats`)
    const named = ['passages', 'queries', 'gains', 'samples', 'metrics', 'rejects', 'totals']
    expect(made).toEqual(expect.arrayContaining(named.map((name) => `${prefix}.s.${name}`)))
    expect(
      await Promise.all(['s.gains', 'runs', 's.ingest.seats'].map((name) => partitions(`${prefix}.${name}`))),
    ).toEqual([3, 1, 1])
    const wanted = { 'cleanup.policy': 'delete', 'retention.ms': month, 'message.timestamp.type': 'CreateTime' }
    expect(await settings(`${prefix}.s.queries`)).toMatchObject(wanted)
    expect(await settings(`${prefix}.s.totals`)).toMatchObject({ 'cleanup.policy': 'compact' })
    expect(Number((await settings(`${prefix}.s.rejects`))['max.message.bytes'])).toBeGreaterThan(24 * 1024 * 1024)
    expect(await asked('GET', `/config/${prefix}.s.gains-value`)).toEqual({ compatibilityLevel: 'FULL_TRANSITIVE' })
    const without = ['s.rejects', 's.ingest.seats'].map((name) => `${prefix}.${name}`)
    expect(await subjects(made)).toEqual(made.filter((name) => !without.includes(name)))
  })

  test('the second time there is nothing to do, with the partitions that the stream has', async () => {
    const versions = await asked('GET', `/subjects/${prefix}.s.gains-value/versions`)
    for (const flags of [[], ['--execute']]) {
      const { code, out } = await apply(...flags)
      expect(code).toBe(0)
      expect(out).toMatch(/\nall \d+ are as they should be\n$/)
      expect(out).not.toMatch(/^[+~!] /m)
    }
    expect(await asked('GET', `/subjects/${prefix}.s.gains-value/versions`)).toEqual(versions)
  })

  test('a worker starts', async () => {
    expect(await start()).toBe('it started')
  })

  test('as JSON the plan can be read by programs', async () => {
    const { out } = await apply('--json')
    const plan = JSON.parse(out) as { executed: boolean; topics: object[]; schemas: object[] }
    expect(plan.executed).toBe(false)
    expect(plan.topics).toContainEqual({ topic: `${prefix}.s.gains`, partitions: 3, action: 'keep' })
    expect(plan.schemas).toContainEqual({
      subject: `${prefix}.s.gains-value`,
      action: 'keep',
      id: expect.any(Number) as number,
    })
  })
})

describe('a stream that somebody has touched', () => {
  const { prefix, apply, start, topics } = tenant()
  const gains = `${prefix}.s.gains`
  const others = [`${prefix}.s.notes`, `${prefix}.other.gains`]
  beforeAll(async () => {
    await apply('--execute', '--set', 'partitions=2')
    const made = others.map((topic) => ({ topic, numPartitions: 1, configEntries: [] }))
    await admin.createTopics({ waitForLeaders: true, topics: made })
  })

  test('what the catalogue names is set right, and everything else stays as it was', async () => {
    await set(gains, { 'retention.ms': '3600000', 'segment.bytes': '1048576' })
    await set(others[0]!, { 'retention.ms': '1000' })
    const planned = await apply()
    expect(line(planned.out, gains)).toContain('retention.ms 3600000 → -1')
    expect((await settings(gains))['retention.ms']).toBe('3600000')
    const done = await apply('--execute')
    expect(done.out).toMatch(/\nmade 0, changed 1; \d+ were as they should be\n$/)
    expect(await settings(gains)).toMatchObject({ 'retention.ms': '-1', 'segment.bytes': '1048576' })
    expect((await settings(others[0]!))['retention.ms']).toBe('1000')
    expect(await topics()).toEqual(expect.arrayContaining(others))
  })

  test('a subject whose level was lowered is held to all versions again', async () => {
    await asked('PUT', `/config/${gains}-value`, { compatibility: 'NONE' })
    expect(line((await apply()).out, `${gains}-value`)).toMatch(/^~ .*change: NONE → FULL_TRANSITIVE$/)
    await apply('--execute')
    expect(await asked('GET', `/config/${gains}-value`)).toEqual({ compatibilityLevel: 'FULL_TRANSITIVE' })
  })

  test('a worker refuses a topic under whose settings records would be lost', async () => {
    const maximum = (await settings(gains))['max.message.bytes']!
    const without = { 'message.timestamp.before.max.ms': '9223372036854775807', 'max.message.bytes': maximum }
    await set(gains, { ...without, 'cleanup.policy': 'compact', 'retention.ms': '-1' })
    expect(await start()).toBe(
      `topic ${gains} has cleanup.policy compact instead of delete: gainstream topics apply --execute sets it`,
    )
    await set(gains, { ...without, 'max.message.bytes': '1000000', 'cleanup.policy': 'delete' })
    expect(await start()).toBe(
      `topic ${gains} has max.message.bytes 1000000 instead of ${maximum}: gainstream topics apply --execute sets it`,
    )
    await apply('--execute')
    expect(await start()).toBe('it started')
  })

  test('a longer retention than ours is the choice of whoever runs the cluster: a worker takes it', async () => {
    await set(`${prefix}.s.drafts`, { ...(await ours(`${prefix}.s.drafts`)), 'retention.ms': '999999999' })
    expect(await start()).toBe('it started')
  })
  const ours = async (topic: string) => {
    const { 'max.message.bytes': bytes = '' } = await settings(topic)
    return { 'max.message.bytes': bytes, 'cleanup.policy': 'delete' }
  }

  test('other partitions than asked for are refused, and nothing is changed', async () => {
    await admin.deleteTopics({ topics: [`${prefix}.s.samples`] })
    await expect.poll(topics).not.toContain(`${prefix}.s.samples`)
    const { code, out, err } = await apply('--execute', '--set', 'partitions=5')
    expect(code).toBe(1)
    expect(err).toMatch(
      new RegExp(
        `^gainstream: nothing was changed: topic ${prefix}\\.s\\.passages has 2 partitions and the configuration ` +
          'asks for 5: set partitions to 2, or use another stream name \\(and \\d+ more\\)\n$',
      ),
    )
    expect(line(out, gains)).toMatch(/^! /)
    expect(await topics()).not.toContain(`${prefix}.s.samples`)
    await apply('--execute')
    expect(await topics()).toContain(`${prefix}.s.samples`)
  })

  test('a worker says which schema is missing', async () => {
    await asked('DELETE', `/subjects/${gains}-value`)
    await asked('DELETE', `/subjects/${gains}-value?permanent=true`)
    expect(await start()).toBe(
      `the schema registry at ${registry} does not have this version's schema of ${gains}-value: ` +
        'gainstream topics apply --execute registers what a stream needs',
    )
    expect(await asked('GET', `/subjects/${gains}-value/versions`)).toMatchObject({ error_code: 40401 })
    await apply('--execute')
    expect(await start()).toBe('it started')
  })
})

test('two who apply at once both end well, and each thing is made once', async () => {
  const { prefix, apply, start, topics } = tenant()
  const both = await Promise.all([apply('--execute'), apply('--execute'), apply('--execute')])
  expect(both.map(({ code, err }) => [code, err])).toEqual([
    [0, ''],
    [0, ''],
    [0, ''],
  ])
  expect(await start()).toBe('it started')
  const found = await Promise.all((await topics()).map(partitions))
  expect(found.filter((n) => n !== 6 && n !== 1)).toEqual([])
  expect(await asked('GET', `/subjects/${prefix}.s.gains-value/versions`)).toEqual([1])
})

test('a schema that does not fit what is registered is refused before anything is made', async () => {
  const { prefix, apply, topics } = tenant()
  const fields = Passage.fields.filter(({ name }) => name !== 'text')
  const other = { ...Passage, fields: [...fields, { name: 'text', type: 'int' }] }
  await asked('POST', `/subjects/${prefix}.s.passages-value/versions`, { schema: JSON.stringify(other) })
  const { code, out, err } = await apply('--execute')
  expect(code).toBe(1)
  expect(err).toBe(
    `gainstream: nothing was changed: passages cannot read what was written as version 1 of ${prefix}.s.passages-value: ` +
      'text was written as int and is to be read as string; take another prefix or stream, or delete the subject if nobody needs its records\n',
  )
  expect(line(out, `${prefix}.s.passages-value`)).toMatch(/^! /)
  expect(await topics()).toEqual([])
})

test('while the registry is away nothing is made, and it is said at once', async () => {
  const { apply, topics } = tenant()
  const { code, out, err } = await apply('--execute', '--set', 'registry.url=http://127.0.0.1:9/apis/ccompat/v7')
  expect([code, out]).toEqual([1, ''])
  expect(err).toBe(
    'gainstream: the schema registry at http://127.0.0.1:9/apis/ccompat/v7 does not answer (ECONNREFUSED)\n',
  )
  expect(await topics()).toEqual([])
})

test('the embedded engine has nothing to apply', async () => {
  const { apply } = tenant()
  const { code, out } = await apply('--engine', 'embedded', '--execute')
  expect([code, out]).toEqual([
    0,
    'the embedded engine makes its topics and schemas by itself: there is nothing to apply\n',
  ])
})
