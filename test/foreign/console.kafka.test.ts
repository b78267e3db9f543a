/** The broker's own console consumer: keys, headers and bytes as anybody gets them who knows nothing of us. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import avsc, { type Schema } from 'avsc'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { java } from '../../adapters/stack/java.ts'
import { kafkaJars } from '../../adapters/stack/maven.ts'
import { home } from '../../cli/config.ts'
import { manifest } from '../../cli/settings.ts'
import { gains, queries } from '../../topics/index.ts'
import { brokers, gained, openTestStream, registry } from './world.ts'

/** Java and the broker's jars, or why there are none: in CI that is a failure. */
const prepared = async (): Promise<{ command: string; jars: string; reason?: string }> => {
  try {
    const found = await java(home(process.env), process.env)
    const jars = await kafkaJars({ home: home(process.env), java: found, env: process.env })
    return { command: found.command, jars }
  } catch (error) {
    if (process.env['CI']) throw error
    return { command: '', jars: '', reason: (error as Error).message }
  }
}
const { command, jars, reason } = await prepared()
const title = reason === undefined ? 'the console consumer' : `SKIPPED, no console consumer: ${reason}`

const consume = async (topic: string, count: number): Promise<string[]> => {
  const shown = ['key', 'headers', 'partition'].map((name) => `print.${name}=true`)
  const bytes = 'value.deserializer=org.apache.kafka.common.serialization.BytesDeserializer'
  const formatted = [...shown, bytes, 'key.separator=|', 'headers.separator=;']
  const { stdout } = await promisify(execFile)(
    command,
    [
      ...['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', join(jars, '*')],
      ...['org.apache.kafka.tools.consumer.ConsoleConsumer', '--bootstrap-server', brokers, '--topic', topic],
      ...['--from-beginning', '--isolation-level', 'read_committed', '--max-messages', String(count)],
      ...['--timeout-ms', '40000', ...formatted.flatMap((each) => ['--formatter-property', each])],
    ],
    { maxBuffer: 64 * 1024 * 1024, timeout: 55_000 },
  )
  return stdout.trim().split('\n')
}

/** Sends lines as records without keys, all in one batch where they fit. */
const produce = async (topic: string, codec: string, lines: readonly string[]): Promise<void> => {
  const sent = promisify(execFile)(
    command,
    [
      ...['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', join(jars, '*')],
      ...['org.apache.kafka.tools.ConsoleProducer', '--bootstrap-server', brokers, '--topic', topic],
      ...['--compression-codec', codec, '--batch-size', '100000'],
    ],
    { timeout: 55_000 },
  )
  sent.child.stdin?.end(`${lines.join('\n')}\n`)
  await sent
}

/** Bytes as the consumer prints them: what is not plain ASCII as \xNN, the backslash too. */
const unescaped = (text: string) =>
  Buffer.from(
    text.replace(/\\x([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  )

/** As the schema of its header says, asked of the registry without any code of ours. */
const decoded = async (framed: Buffer): Promise<unknown> => {
  const answer = await fetch(`${registry}/schemas/ids/${framed.readInt32BE(1)}`)
  const { schema } = (await answer.json()) as { schema: string }
  return avsc.Type.forSchema(JSON.parse(schema) as Schema).fromBuffer(framed.subarray(5))
}

describe.skipIf(reason !== undefined)(title, () => {
  let stream: Awaited<ReturnType<typeof openTestStream>>
  beforeAll(async () => {
    stream = await openTestStream()
  })
  afterAll(() => stream.close())

  test('shows every record with key and headers, and its bytes decode by the registered schema', async () => {
    const topic = stream.world.names.topic(gains)
    const numbers = Array.from({ length: 12 }, (_, n) => n)
    await stream.enter(
      'gains',
      numbers.map((n) => gains.message(gained(n), { run: 'monday', stage: 'label' })),
    )
    const lines = await consume(topic, numbers.length)
    const read = lines.map((each) => {
      const [partition, headers = '', key, ...value] = each.split('|')
      return { partition, headers: headers.split(';').toSorted(), key, value }
    })
    expect(read.map(({ key }) => key).toSorted()).toEqual(numbers.map((n) => `monday/nq/${n}`).toSorted())
    expect(new Set(read.map(({ partition }) => partition))).toEqual(new Set(['Partition:0', 'Partition:1']))
    for (const { headers, key, value } of read) {
      expect(headers).toEqual(['run:monday', `settings:${manifest(stream.world.config).hash}`, 'stage:label'])
      const bytes = unescaped(value.join('|'))
      expect(bytes[0]).toBe(0)
      expect(await decoded(bytes)).toEqual(gained(Number(key?.split('/')[2])))
    }
  })

  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
    'what a producer has compressed with %s is read as it was sent',
    async (codec) => {
      const { log, names } = stream.world
      const topic = names.topic(queries)
      const before = (await log.describe(topic))!.partitions.map(({ end }) => end)
      const lines = Array.from({ length: 200 }, (_, n) => `${codec} ${n}: ${'to be or not to be, '.repeat(n)}`)
      await produce(topic, codec, lines)
      const found: string[] = []
      for await (const { value } of log.read(topic, { from: before })) found.push(String(value))
      expect(found.toSorted()).toEqual(lines.toSorted())
    },
  )
})
