import type { Command } from 'commander'
import type { Io } from './command.ts'
import { configCommand } from './commands/config.ts'
import { evaluateCommand } from './commands/evaluate.ts'
import { indexCommand } from './commands/index-corpus.ts'
import { startCommand } from './commands/start.ts'
import { synthesizeCommand } from './commands/synthesize.ts'

/** In the order in which help lists them. */
export const commands: readonly ((program: Command, io: Io) => void)[] = [
  indexCommand,
  synthesizeCommand,
  evaluateCommand,
  startCommand,
  configCommand,
]
