import type { Command } from 'commander'
import { stringify } from 'yaml'
import { configOf, withGlobals, type Globals, type Io } from '../command.ts'

export const configCommand = (program: Command, io: Io) => {
  const group = program.command('config').description('the settings in force')
  const command = group
    .command('show')
    .description('every setting with its value: file, environment (GAINSTREAM_LABEL__ALPHA) and flags taken together')
  withGlobals(command).action((flags: Globals) => {
    const { chosen: _chosen, ...config } = configOf(io, flags)
    io.out(flags.json ? JSON.stringify(config) : stringify(config))
  })
}
