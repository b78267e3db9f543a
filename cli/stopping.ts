/** What begins may wait long for a server that is away: Ctrl-C must not have to wait for it. */

/**
 * What `begun` gives. @throws the signal's reason as soon as it aborts; what is made after that is handed to `late`,
 * and what goes wrong after that is of no interest any more
 */
export const unlessStopped = async <T>(
  begun: Promise<T>,
  signal: AbortSignal,
  late: (made: T) => Promise<void>,
): Promise<T> => {
  let stop = () => {}
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([begun, stopped])
  } catch (error) {
    if (signal.aborted) begun.then(late).catch(() => {})
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
    stopped.catch(() => {})
  }
}
