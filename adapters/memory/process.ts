/**
 * One process of a test: it waits, and it can die. A dead process hears no answer any more (its promises stay open for
 * ever, as after kill -9), and what the log would have done for it later still happens or does not, as the log decides.
 */
export interface Process {
  readonly alive: () => boolean
  /** Waits; for a dead process, for ever. 0 is the next turn of the event loop. */
  wait(ms: number): Promise<void>
  /** Whatever the process's fate, unless the world has ended. */
  later(ms: number, act: () => void): void
  kill(): void
}

export const process = (): Process => {
  let alive = true
  return {
    alive: () => alive,
    wait: (ms) =>
      new Promise((resolve) => {
        const answer = () => alive && resolve()
        if (!alive) return
        if (ms === 0) setImmediate(answer)
        else setTimeout(answer, ms)
      }),
    later: (ms, act) => void setTimeout(act, ms),
    kill: () => (alive = false),
  }
}
