/** Seconds so far of a call's part in the model's time. */
export type Seconds = () => number

/** Runs a call on the clock. */
export type Timed = <T>(work: (seconds: Seconds) => Promise<T>) => Promise<T>

/**
 * The model's time, shared by the calls under way: of each moment every one of them is charged the same part, so that
 * what is charged in all is the time that the model was in use, and what it costs follows from it.
 */
export const sharedTime = (now: () => number = () => performance.now()): Timed => {
  let [underWay, charged, last] = [0, 0, now()]
  const tick = (change = 0) => {
    const at = now()
    if (underWay > 0) charged += (at - last) / underWay
    last = at
    underWay += change
    return charged
  }
  return async (work) => {
    const from = tick(+1)
    try {
      return await work(() => (tick() - from) / 1000)
    } finally {
      tick(-1)
    }
  }
}
