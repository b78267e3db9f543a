import { InvalidArgumentError, type Command } from 'commander'
import { bring, passageFile } from '../import.ts'
import { configOf, inWorld, withGlobals, type Globals, type Io } from '../command.ts'
import { openStream, runState } from '../runs.ts'
import { work } from '../work.ts'

interface Flags extends Globals {
  readonly run?: string
  readonly limit?: number
}

export const positive = (value: string): number => {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('It must be a whole number above 0.')
  return number
}

const act = (io: Io) => async (path: string, flags: Flags) => {
  const config = configOf(io, flags)
  await inWorld(config, io, async (opened) => {
    const world = await openStream(opened, io.signal)
    const { run, limit } = flags
    const entry = await bring(world, io, { path, kind: passageFile, run, topology: 'indexing', limit })
    await work(world, { stages: ['index'], entry, what: 'indexing', untilEmpty: true }, io.signal)
    const { outcomes, rejected } = await runState(world, entry)
    const result = { run: entry.run, stream: world.names.stream, passages: entry.count, outcomes, rejected }
    const stored = await (await world.store()).count()
    if (flags.json) io.out(JSON.stringify({ ...result, stored }))
    else io.out(`indexed ${outcomes.indexed ?? 0} of ${entry.count} passages; the store holds ${stored}`)
    if (rejected > 0) io.screen.write(`${rejected} were rejected: gainstream rejects list\n`)
  })
}

export const indexCommand = (program: Command, io: Io) => {
  const command = program
    .command('index <corpus>')
    .description('embed the passages of a file (JSONL or JSON, plain or gzip) and put them into the store')
    .option('--run <name>', 'name of this import (default: from the file)')
    .option('--limit <n>', 'only the first n passages', positive)
  withGlobals(command).action(act(io))
}
