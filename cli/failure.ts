import { CommanderError } from 'commander'
import { Fatal, Rejected, sentence, Unavailable } from '../runtime/errors.ts'
import type { Io } from './command.ts'
import { Interrupted } from './work.ts'

/** 0 done · 1 failed · 2 wrong usage · 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 130

const expected = (error: unknown) => [Fatal, Rejected, Unavailable].some((kind) => error instanceof kind)

/** Did this end because it was told to, and for no other reason? */
const isAbort = (error: unknown, signal: AbortSignal): boolean =>
  error instanceof Interrupted ||
  (signal.aborted &&
    (error === signal.reason ||
      (error instanceof Error && (error.name === 'AbortError' || isAbort(error.cause, signal)))))

/** What went wrong, as one sentence on standard error: also when it went wrong while an interrupt was being obeyed. */
export const failure = (
  error: unknown,
  { screen: { write }, env, signal }: Pick<Io, 'screen' | 'env' | 'signal'>,
): ExitCode => {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (isAbort(error, signal)) {
    write(`gainstream: ${error instanceof Interrupted ? error.message : 'stopped'}\n`)
    return 130
  }
  write(`gainstream: ${expected(error) ? '' : 'unexpected: '}${sentence(error).replace(/\s*\n\s*/g, ' ')}\n`)
  if (env.GAINSTREAM_LOG === 'debug' && error instanceof Error) write(`${error.stack}\n`)
  return 1
}
