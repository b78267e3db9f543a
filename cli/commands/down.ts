import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { down } from '../../adapters/stack/index.ts'
import { configOf, withGlobals, type Globals, type Io } from '../command.ts'
import { stackFolder } from './up.ts'

interface Flags extends Globals {
  readonly delete?: boolean
}

const said = {
  absent: 'did not run',
  stopped: 'stopped',
  killed: 'did not stop by itself within 20 s, and was killed',
}

const act = (io: Io) => async (flags: Flags) => {
  const folder = stackFolder(configOf(io, flags))
  const [remove, there] = [flags.delete ?? false, existsSync(folder)]
  const servers = await down(folder, { remove })
  if (flags.json) return io.out(JSON.stringify({ folder, servers, deleted: remove }))
  if (!there) return io.out(`nothing was brought up in ${folder}`)
  for (const { name, ending } of servers) io.out(`the ${name} ${said[ending]}`)
  io.out(remove ? `${folder} is deleted` : `all records stay in ${folder}; up starts on them again`)
}

export const downCommand = (program: Command, io: Io) => {
  const command = program
    .command('down')
    .description('stop the broker and the registry that `up` started')
    .option('--delete', 'and delete every record, schema and log file of theirs')
  withGlobals(command).action(act(io))
}
