import { Fatal, Rejected, sentence, Unavailable } from '../../runtime/errors.ts'

/** An error as it crosses from a thread: structured clone would drop its class. */
export interface Failure {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
}

export const failureOf = (error: unknown): Failure => ({
  name: error instanceof Error ? error.name : 'Error',
  message: sentence(error),
  stack: error instanceof Error ? error.stack : undefined,
})

/** The error again, under its own name, with the thread's stack as its cause. */
export const errorOf = ({ name, message, stack }: Failure): Error => {
  const options = { cause: stack }
  if (name === 'Rejected') return new Rejected(message, options)
  if (name === 'Unavailable') return new Unavailable(message, options)
  if (name === 'Fatal') return new Fatal(message, options)
  return new Error(message, options)
}
