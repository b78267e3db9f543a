/**
 * Wakes who waits for records. Commits of this connection wake at once; those of other connections are noticed by
 * polling a counter that SQLite keeps, and only while somebody waits.
 *
 * No wake-up is lost: a waiter says what it had seen *before* it looked, and waits only if nothing came since.
 */
export interface Wakes {
  /** A number that grows whenever one of the lanes may have got something. */
  seen(lanes: readonly number[]): number
  /** Resolves when the lanes' number is no longer `seen`, or when a signal aborts. */
  after(lanes: readonly number[], seen: number, signals: readonly AbortSignal[]): Promise<void>
  /** These lanes have got something; without lanes: any may have. */
  notify(lanes?: readonly number[]): void
  stop(): void
}

export const wakes = (dataVersion: () => unknown, poll: number): Wakes => {
  const counts = new Map<number, number>()
  const waiting = new Set<() => void>()
  let all = 0
  let stopped = false
  let version = dataVersion()
  let timer: NodeJS.Timeout | undefined

  const look = () => {
    const now = dataVersion()
    if (now === version) return
    version = now
    notify()
  }
  const watch = () => {
    if (waiting.size > 0) timer ??= setInterval(look, poll)
    else timer = void clearInterval(timer)
  }
  const seen = (lanes: readonly number[]) => lanes.reduce((sum, lane) => sum + (counts.get(lane) ?? 0), all)
  const notify = (lanes?: readonly number[]) => {
    if (lanes === undefined) all++
    else for (const lane of lanes) counts.set(lane, (counts.get(lane) ?? 0) + 1)
    for (const check of [...waiting]) check()
  }
  const after = (lanes: readonly number[], before: number, signals: readonly AbortSignal[]) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!stopped && seen(lanes) === before && !signals.some((signal) => signal.aborted)) return
        waiting.delete(check)
        for (const signal of signals) signal.removeEventListener('abort', check)
        watch()
        resolve()
      }
      waiting.add(check)
      for (const signal of signals) signal.addEventListener('abort', check)
      watch()
      check()
    })
  const stop = () => {
    stopped = true
    for (const check of [...waiting]) check()
  }
  return { seen, after, notify, stop }
}
