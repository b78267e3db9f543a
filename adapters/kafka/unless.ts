/** What `work` gives, or `undefined` as soon as one of the signals aborts; `work` then goes on unheard. */
export const unless = async <T>(signals: readonly AbortSignal[], work: Promise<T>): Promise<T | undefined> => {
  work.catch(() => {})
  const signal = AbortSignal.any([...signals])
  if (signal.aborted) return undefined
  let stop = () => {}
  const stopped = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, stopped])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
