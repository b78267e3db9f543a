/** A process that a test kills: `work`, or a replay with these flags, on a world of these settings. */
import { intoStage, intoStream, type Flags } from '../../cli/replay/run.ts'
import { openStream } from '../../cli/streams.ts'
import { work } from '../../cli/work.ts'
import { stagesOfTopology } from '../../processors/index.ts'
import { byName } from '../../topics/index.ts'
import { io, opened, type Doubles, type Settings } from './replaying.ts'

export interface Orders {
  readonly settings: Settings
  readonly doubles: Doubles
  readonly topic?: string
  readonly flags?: Flags
}

const { settings, doubles, topic, flags } = JSON.parse(process.argv[2] ?? '{}') as Orders
const world = await opened(settings, doubles)
const source = { stream: 'main', topic: byName(topic ?? 'candidates') }
if (!flags) {
  const stream = await openStream(world, io().signal)
  await work(stream, { stages: stagesOfTopology('synthesis'), what: 'working', untilEmpty: false }, io().signal)
} else if (flags.intoStage !== undefined) await intoStage(io(), source, flags.intoStage, flags)(world)
else await intoStream(io(), source, flags.as ?? '', flags)(world)
await world.close()
