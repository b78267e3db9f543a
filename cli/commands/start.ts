import { InvalidArgumentError, type Command } from 'commander'
import { processors } from '../../processors/index.ts'
import {
  configOf,
  inWorld,
  measuring,
  withGlobals,
  withMeasuring,
  type Globals,
  type Io,
  type Measuring,
} from '../command.ts'
import { openStream } from '../streams.ts'
import { work } from '../work.ts'

interface Flags extends Globals, Measuring {
  readonly only: string[]
  readonly untilEmpty?: boolean
}

const stageNames: readonly string[] = processors.map(({ name }) => name)

const stage = (value: string, before: string[]): string[] => {
  if (!stageNames.includes(value)) throw new InvalidArgumentError(`Stages are ${stageNames.join(', ')}.`)
  return [...before, value]
}

const act = (io: Io) => async (flags: Flags) => {
  const config = configOf(io, flags, measuring(flags))
  await inWorld(config, io, async (opened) => {
    await opened.observing.serve()
    const world = await openStream(opened, io.signal)
    const stages = stageNames.filter((name) => flags.only.length === 0 || flags.only.includes(name))
    io.screen.write(`stream ${world.names.stream}: ${stages.join(', ')} (Ctrl-C settles what is done and stops)\n`)
    await work(world, { stages, what: 'working', untilEmpty: flags.untilEmpty ?? false }, io.signal)
  })
}

export const startCommand = (program: Command, io: Io) => {
  const command = program
    .command('start')
    .description("run a stream's stages as one worker; start more to share the work")
    .option('--only <stage>', 'only this stage; may be repeated', stage, [])
    .option('--until-empty', 'end when everything that is there has been settled')
  withGlobals(withMeasuring(command)).action(act(io))
}
