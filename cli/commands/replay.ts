import { Option, type Command } from 'commander'
import { Fatal } from '../../runtime/errors.ts'
import { inExisting, inWorld, number, positive, withGlobals, type Io } from '../command.ts'
import type { Config } from '../config.ts'
import { parsed } from '../replay/downstream.ts'
import { intoStage, intoStream, type Flags } from '../replay/run.ts'
import { sourceConfig } from '../replay/settings.ts'
import type { World } from '../world.ts'

/** On Kafka, what a derived stream needs is made only where that was asked for. */
const opened = <T>(config: Config, io: Io, execute: boolean, use: (world: World) => Promise<T>): Promise<T> =>
  execute && config.engine === 'kafka' ? inWorld(config, io, use, { create: true }) : inExisting(config, io, use)

const act = (io: Io) => async (text: string, flags: Flags) => {
  const { stream, topic } = parsed(text)
  if (flags.stream !== undefined && flags.stream !== stream)
    throw new Fatal(`--stream ${flags.stream} and ${text} name two streams: leave --stream out`)
  const config = sourceConfig(io, flags, stream)
  if (flags.intoStage !== undefined)
    return opened(config, io, false, intoStage(io, { stream, topic }, flags.intoStage, flags))
  if (flags.as === undefined)
    throw new Fatal('say what is to be made of it: --as <new stream> runs it again there, --into-stage <stage> here')
  const idle = flags.key.length > 0 ? '--key' : flags.rejectsOnly ? '--rejects-only' : flags.rate ? '--rate' : undefined
  if (idle !== undefined) throw new Fatal(`${idle} is for --into-stage: a derived stream takes whole runs`)
  return opened(config, io, flags.execute ?? false, intoStream(io, { stream, topic }, flags.as, flags))
}

const several = (value: string, before: string[]) => [...before, value]

export const replayCommand = (program: Command, io: Io) => {
  const command = program
    .command('replay <stream/topic>')
    .description(
      'run the stages again that read a topic, with other settings in a new stream, or once more in this one',
    )
    .option('--as <stream>', 'the new stream: the settings of the old one, and over them those of --set')
    .option('--into-stage <stage>', 'instead: send the records once more into this stage of the same stream')
    .option('--run <name>', 'only this run; may be repeated', several, [])
    .option('--to-earliest', 'from the first record that is kept (default)')
    .option('--to-datetime <time>', 'from the first record of this time, e.g. 2026-11-23T08:00:00Z')
    .option('--by-duration <duration>', 'from that long ago, e.g. PT2H or P1D')
    .addOption(
      new Option('--shift-by <n>', 'from n positions before the end of each partition, e.g. -100').argParser(number),
    )
    .option('--from-offsets <list>', 'from these positions, e.g. 0:120,3:40; other partitions are left out')
    .option('--until-datetime <time>', 'up to the first record of this time (default: to where it ends now)')
    .option('--until-offsets <list>', 'up to these positions, e.g. 0:180')
    .option('--key <key>', 'with --into-stage: only this query, by id or whole key; may be repeated', several, [])
    .option('--rejects-only', 'with --into-stage: only what the stage gave up and nobody has retried')
    .option('--rate <n>', 'with --into-stage: at most so many records a second', positive)
    .option('--execute', 'do it; without it, a plan')
  withGlobals(command).action(act(io))
}
