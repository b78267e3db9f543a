/** Making a derived stream, and finding it again. */
import { Fatal } from '../../runtime/errors.ts'
import type { Message } from '../../runtime/topic.ts'
import type { Derivation, RunEntry, StreamEntry } from '../../schemas/control.ts'
import { runs, streams } from '../../topics/index.ts'
import { manifest } from '../settings.ts'
import { announced, openTopics, streamEntry } from '../streams.ts'
import type { World } from '../world.ts'
import type { Counted } from './survey.ts'

const madeOf = ({ stream, topic, request }: Derivation) => `${stream}/${topic}${request === '' ? '' : ` ${request}`}`

/** What is asked for, as far as it can be compared. */
export type Asked = Pick<Derivation, 'stream' | 'topic' | 'request'>

/** The replay of this name, if it was ever made. @throws Fatal when the name stands for something else */
export const found = async (world: World, asked: Asked): Promise<StreamEntry | undefined> => {
  const entry = await streamEntry(world)
  if (!entry) return undefined
  const { stream, derivation } = entry
  if (!derivation) throw new Fatal(`stream ${stream} is there and is no replay: choose another name with --as`)
  const { stream: of, topic, request } = derivation
  if (of !== asked.stream || topic !== asked.topic || request !== asked.request)
    throw new Fatal(
      `stream ${stream} is a replay of ${madeOf(derivation)}: choose another name with --as, or ask for the same`,
    )
  return entry
}

const entriesOf = (world: World, origin: string, counted: readonly Counted[]): RunEntry[] => {
  const now = world.now()
  const common = { stream: world.names.stream, state: 'closed', opened_at: now, closed_at: now }
  const settings = manifest(world.config).hash
  return counted.map(({ entry: { run, topology }, queries: count }) => ({
    ...{ ...common, run, topology, count, settings },
    ...{ source: `replay ${origin}`, collection: '' },
  }))
}

/**
 * Makes the stream: its runs and its manifest are written together, so that no worker ever finds the one without the
 * others. Somebody who made it at the same time may have been first.
 */
export const derive = async (
  world: World,
  derivation: Derivation,
  counted: readonly Counted[],
  signal: AbortSignal,
): Promise<World> => {
  const opened = await openTopics(world)
  const { config, names, now } = opened
  const origin = `${derivation.stream}/${derivation.topic}`
  if (config.partitions !== derivation.from.length)
    throw new Fatal(
      `stream ${names.stream} has topics of ${config.partitions} partitions, and ${origin} has ` +
        `${derivation.from.length}: choose another name with --as`,
    )
  const entry = (): StreamEntry => ({
    ...{ stream: names.stream, ...manifest(config), created_at: now(), partitions: config.partitions },
    ...{ derived_from: origin, derivation },
  })
  const messages = (): [Message, ...Message[]] => [
    streams.message(entry()),
    ...entriesOf(opened, origin, counted).map((each) => runs.message(each)),
  ]
  await announced(opened, 'manifest', messages, () => found(opened, derivation), signal)
  return openTopics(world)
}
