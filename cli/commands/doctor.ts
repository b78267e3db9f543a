import type { Command } from 'commander'
import { Fatal } from '../../runtime/errors.ts'
import { configOf, withGlobals, type Globals, type Io } from '../command.ts'
import { examined, type Finding } from '../doctor.ts'
import { harmless } from '../report.ts'

const marks = { well: 'ok', ill: 'FAILS', missing: '-' } as const

const line = ({ what, health, said }: Finding) => `${marks[health].padEnd(6)}${what.padEnd(18)}${harmless(said)}`

const act = (io: Io) => async (flags: Globals) => {
  const found: Finding[] = []
  for await (const finding of examined(configOf(io, flags), io)) {
    found.push(finding)
    if (!flags.json) io.out(line(finding))
  }
  if (flags.json) io.out(JSON.stringify(found))
  const ill = found.filter(({ health }) => health === 'ill').map(({ what }) => what)
  if (ill.length > 0) throw new Fatal(`this configuration cannot work as it is: ${ill.join(', ')}`)
}

export const doctorCommand = (program: Command, io: Io) => {
  const command = program
    .command('doctor')
    .description('use every part that the configuration names, and say which versions there are and what they can do')
  withGlobals(command).action(act(io))
}
