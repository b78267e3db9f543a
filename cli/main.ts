/** The command line: one file a command; failures end here, as one sentence and an exit code. */
import { once } from 'node:events'
import { commands } from './commands.ts'
import type { Io } from './command.ts'
import { failure, type ExitCode } from './failure.ts'
import { runCommand } from './program.ts'
import { screen } from './progress.ts'
import { Interrupted } from './work.ts'

export const main = async (argv: readonly string[], io: Io): Promise<ExitCode> => {
  try {
    await runCommand(commands, argv, io)
    return 0
  } catch (error) {
    return failure(error, io)
  }
}

/** First signal: finish what is done and stop. Second: stop at once. */
const onSignals = (controller: AbortController, write: (text: string) => void) => {
  const stop = () => {
    if (controller.signal.aborted) process.exit(130)
    write('\nfinishing what is done; once more to stop at once\n')
    controller.abort(new Interrupted('stopped'))
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

const controller = new AbortController()
const shown = screen()
onSignals(controller, shown.write)
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0) // whoever read has seen enough
  throw error
})
const io: Io = {
  env: process.env,
  out: (text) => void process.stdout.write(text.endsWith('\n') ? text : `${text}\n`),
  keptUp: async () => {
    if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain')
  },
  screen: shown,
  signal: controller.signal,
}
process.exitCode = await main(process.argv.slice(2), io)
// What was asked of a server that is away is still under way, and nobody waits for it any more.
if (controller.signal.aborted) process.exit()
