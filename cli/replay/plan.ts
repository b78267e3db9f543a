/** What a replay would read and run, before anything is done. */
import type { Topology } from '../../processors/index.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { Topic } from '../../runtime/topic.ts'
import type { Derivation, StreamEntry } from '../../schemas/control.ts'
import type { Io } from '../command.ts'
import type { Config } from '../config.ts'
import { streamEntry } from '../streams.ts'
import type { World } from '../world.ts'
import { checkHeeded, stagesAgain } from './downstream.ts'
import { stretchOf, type RangeFlags, type Stretch } from './range.ts'
import { changes, type Change } from './settings.ts'
import { survey, type Survey } from './survey.ts'

export interface Plan {
  readonly stretch: Stretch
  readonly surveyed: Survey
  readonly stages: readonly string[]
  readonly changed: readonly Change[]
}

export interface Asking {
  readonly topic: Topic
  readonly flags: RangeFlags
  /** Empty: all. */
  readonly runs: readonly string[]
  /** Of the derived stream. */
  readonly config: Config
}

/** @throws Fatal for a stream that never ran, and for one whose stages read this topic elsewhere */
export const sourceEntry = async (source: World, topic: Topic): Promise<StreamEntry> => {
  const entry = await streamEntry(source)
  const { stream } = source.names
  if (!entry)
    throw new Fatal(`stream ${stream} has no settings yet, so there is nothing to replay: its stages never ran`)
  if (entry.derivation?.topic === topic.name)
    throw new Fatal(
      `stream ${stream} is a replay itself and reads ${entry.derived_from}: replay ${entry.derived_from} instead`,
    )
  return entry
}

/** @throws Fatal when there is nothing to replay, or a changed setting would change nothing */
export const planned = async (source: World, io: Io, entry: StreamEntry, asking: Asking): Promise<Plan> => {
  const { topic, config } = asking
  const stretch = await stretchOf(source, source.names.topic(topic), asking.flags)
  const surveyed = await survey(source, io, topic, stretch, asking.runs)
  const stages = stagesAgain(
    topic,
    surveyed.runs.map(({ entry }) => entry.topology as Topology),
  )
  const changed = changes(entry, config)
  if (surveyed.runs.length === 0) {
    const why = surveyed.passedOver.map(({ run, why }) => `${run || 'records without a run'}: ${why}`).join('; ')
    throw new Fatal(`this stretch of ${topic.name} holds no run to replay${why === '' ? ': it is empty' : ` (${why})`}`)
  }
  checkHeeded(
    changed.map(({ setting }) => setting),
    topic,
    stages,
  )
  return { stretch, surveyed, stages, changed }
}

/** What of a plan the derived stream keeps. */
export const derivationOf = (
  source: World,
  topic: Topic,
  { stretch, surveyed }: Plan,
  request: string,
): Derivation => ({
  ...{ stream: source.names.stream, topic: topic.name, topic_id: stretch.topicId, request },
  ...{ from: [...stretch.from], until: [...stretch.until], runs: surveyed.runs.map(({ entry }) => entry.run) },
})
