/** How every benchmark on Kafka begins and ends: its servers, its own namespace, what it ran on, and how it prints. */
import { openKafkaLog } from '../../adapters/kafka/log.ts'
import { specOf } from '../../runtime/engine.ts'
import { names, type Names, type Topic } from '../../runtime/topic.ts'
import { rejects, totals } from '../../topics/index.ts'
import { codecFor, fill, freshPrefix, inputs, outputs } from './lines.ts'
import { machine } from './machine.ts'
import { servers, type Servers } from './servers.ts'

export interface Setting extends Servers {
  readonly prefix: string
  readonly named: Names
  readonly partitions: number
}

export const partitions = 6

export const settingOn = (found: Servers): Setting => {
  const prefix = freshPrefix()
  return { ...found, prefix, named: names(prefix, 'lines'), partitions }
}

export const made = async (
  { brokers, named }: Setting,
  topics: readonly Topic[] = [inputs, outputs, rejects, totals],
) => {
  const log = await openKafkaLog({ brokers })
  await log.apply(topics.map((topic) => specOf(named, topic, partitions)))
  await log.close()
}

/** The topics of a copy, and so many lines to be copied. */
export const filled = async (setting: Setting, records: number, bytes: number) => {
  await made(setting)
  const codec = codecFor(setting.registry, setting.named)
  await fill({ ...setting, names: setting.named, codec, topic: inputs, records, bytes })
}

/** Runs a benchmark; what it gives is printed, as JSON where that is asked for, with what it ran on. */
export const bench = async (
  json: boolean,
  measure: (servers: Servers, say: (line: unknown) => void) => Promise<object>,
) => {
  const found = await servers()
  const about = { ...machine(), servers: found.what, partitions }
  const say = (line: unknown) => void (json || console.log(line))
  say(about)
  try {
    const figures = await measure(found, say)
    console.log(json ? JSON.stringify({ ...about, ...figures }, null, 1) : figures)
  } finally {
    await found.stop()
  }
}
