import type { Command } from 'commander'
import { bring, passageFile, survey } from '../import.ts'
import { configOf, inWorld, positive, withGlobals, type Globals, type Io } from '../command.ts'
import { runState } from '../runs.ts'
import { openTopics } from '../streams.ts'
import { work } from '../work.ts'

interface Flags extends Globals {
  readonly run?: string
  readonly limit?: number
}

const act = (io: Io) => async (path: string, flags: Flags) => {
  const config = configOf(io, flags)
  const file = { path, kind: passageFile, run: flags.run, topology: 'indexing', limit: flags.limit } as const
  const surveyed = await survey(file, io)
  await inWorld(config, io, async (opened) => {
    await opened.observing.serve()
    const world = await openTopics(opened)
    const entry = await bring(world, io, file, surveyed)
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
