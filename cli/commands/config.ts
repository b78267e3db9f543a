import type { Command } from 'commander'
import { stringify } from 'yaml'
import { configOf, withGlobals, type Globals, type Io } from '../command.ts'
import { shown } from '../secrets.ts'

export const configCommand = (program: Command, io: Io) => {
  const group = program.command('config').description('the settings in force')
  const command = group
    .command('show')
    .description(
      'every setting with its value: file, environment (GAINSTREAM_LABEL__ALPHA) and flags taken together; secrets as ***',
    )
  withGlobals(command).action((flags: Globals) => {
    const { chosen: _chosen, folders: _folders, ...settings } = configOf(io, flags)
    const config = shown(settings)
    io.out(flags.json ? JSON.stringify(config) : stringify(config))
  })
}
