import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import { Fatal } from '../runtime/errors.ts'
import { readConfig, type Config } from './config.ts'
import type { Opening } from './engines.ts'
import type { Screen } from './progress.ts'
import { unlessStopped } from './stopping.ts'
import { existingStream } from './streams.ts'
import { openWorld, type World } from './world.ts'

/** What a command is handed of the world outside: nothing else is read or written. */
export interface Io {
  readonly env: NodeJS.ProcessEnv
  /** Results, on standard output. */
  readonly out: (text: string) => void
  /** Resolves when whoever reads the results has kept up. */
  readonly keptUp?: () => Promise<void>
  /** Progress and remarks, on standard error. */
  readonly screen: Screen
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal
}

/** Flags that every command has. */
export interface Globals {
  readonly config?: string
  readonly set: string[]
  readonly data?: string
  readonly engine?: string
  readonly reader?: string
  readonly stream?: string
  readonly prefix?: string
  readonly log?: string
  readonly json?: boolean
}

const collect = (value: string, before: string[]) => [...before, value]

/** @param settings whether the command reads a configuration at all. */
export const withGlobals = (command: Command, settings = true): Command => {
  if (settings) {
    command
      .option('-c, --config <file>', 'configuration (default: gainstream.yaml where it exists)')
      .option('--set <setting=value>', 'override a setting, e.g. label.alpha=0.3; may be repeated', collect, [])
      .option('-d, --data <folder>', 'folder of the log, the store and the caches')
      .option('--engine <name>', 'embedded (a file of this machine) or kafka')
      .option('--reader <name>', 'embedded (in this process) or vllm (servers)')
      .option('-s, --stream <name>', 'stream: one immutable set of settings')
      .option('--prefix <name>', 'stands before every topic and group')
      .option('--log <level>', 'debug, info, warn or error')
  }
  return command.option('--json', 'results as JSON on standard output')
}

/** Flags of the commands that measure gains. */
export interface Measuring {
  readonly measure?: string
  readonly approximate?: boolean
}

export const withMeasuring = (command: Command): Command =>
  command
    .option(
      '--measure <name>',
      'contrastive, or plain: what any server can do (settings label.measure, distil.measure)',
    )
    .option(
      '--approximate',
      'contrastive from the likeliest tokens, on a server without the plugin (label.approximate)',
    )

/** These flags as settings; what was not measured with contrast cannot be grouped by it. */
export const measuring = ({ measure, approximate }: Measuring): Readonly<Record<string, unknown>> => ({
  'label.measure': measure,
  'distil.measure': measure === 'plain' ? measure : undefined,
  'label.approximate': approximate,
})

/** The configuration under a command's flags. `flags` are settings by dotted name. */
export const configOf = (
  { env }: Io,
  { config: file, set, data, engine, reader, stream, prefix, log }: Globals,
  flags: Readonly<Record<string, unknown>> = {},
  defaults: Readonly<Record<string, unknown>> = {},
): Config =>
  readConfig({
    file,
    env,
    set,
    flags: { data, engine, 'reader.engine': reader, stream, prefix, log, ...flags },
    defaults,
  })

/** Opens the world for a command and closes it whatever happens. */
export const inWorld = async <T>(
  config: Config,
  io: Io,
  use: (world: World) => Promise<T>,
  opening?: Opening,
): Promise<T> => {
  const opened = openWorld(config, io.screen, io.env, opening)
  const world = await unlessStopped(opened, io.signal, (late) => late.close())
  try {
    return await use(world)
  } finally {
    await world.close()
  }
}

/** The same where something must be there already: a look into the wrong folder makes no log in it. */
export const inExisting = <T>(
  config: Config,
  io: Io,
  use: (world: World) => Promise<T>,
  opening?: Opening,
): Promise<T> => {
  const { engine, data } = config
  if (engine !== 'embedded' || existsSync(join(data, 'log.sqlite'))) return inWorld(config, io, use, opening)
  throw new Fatal(
    `there is no log in ${data} yet: gainstream index <corpus> makes one, or name another folder with --data`,
  )
}

/** A stream that is there, for commands that only look. */
export const inStream = <T>(config: Config, io: Io, use: (world: World) => Promise<T>, opening?: Opening): Promise<T> =>
  inExisting(config, io, async (world) => use(await existingStream(world)), opening)

/** A whole number above 0, from a flag. */
export const positive = (value: string): number => {
  const read = Number(value)
  if (!Number.isInteger(read) || read < 1) throw new InvalidArgumentError('It must be a whole number above 0.')
  return read
}

/** A number from a flag. */
export const number = (value: string): number => {
  const read = value.trim() === '' ? NaN : Number(value)
  if (!Number.isFinite(read)) throw new InvalidArgumentError('It must be a number.')
  return read
}
