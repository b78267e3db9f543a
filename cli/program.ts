/** The command line as commander has it: a list of commands, each of which adds itself. */
import { Command } from 'commander'
import type { Io } from './command.ts'
import { version } from './version.ts'

export type Add = (program: Command, io: Io) => void

/** A mistake in the command line, as one sentence like any other. */
const usage = (text: string): string => {
  const said = text
    .replace(/^error: /, '')
    .replace(/(unknown option '[^'=]*)=[^']*'/, "$1'") // what stands behind it may be a secret
    .trim()
    .replace(/\s+/g, ' ')
    .replace(/\.$/, '')
  return `gainstream: ${said} (gainstream help shows how it is used)\n`
}

/** Runs one command line to its end. @throws whatever the command throws, and CommanderError for a wrong usage */
export const runCommand = async (commands: readonly Add[], argv: readonly string[], io: Io): Promise<void> => {
  const program = new Command('gainstream')
    .description('An exactly-once stream of per-passage gain labels, and the selector and answers that come of it.')
    .version(version())
    .exitOverride()
    .configureOutput({ writeErr: io.screen.write, writeOut: io.out, outputError: (text, write) => write(usage(text)) })
  for (const add of commands) add(program, io)
  for (const each of program.commands) each.copyInheritedSettings(program)
  await program.parseAsync(argv, { from: 'user' })
}
