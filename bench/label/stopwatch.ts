/** From the first query that a world's scorer is given to the last that it gives back. */
import type { Window } from '../../cli/bench/window.ts'
import type { World } from '../../cli/world.ts'

export const stopwatch = () => {
  let passages = 0
  let latencies: number[] = []
  let [first, last] = [Infinity, 0]
  const reset = () => {
    passages = 0
    latencies = []
    first = Infinity
    last = 0
  }
  /** The same world, watched. */
  const over = (world: World): World => ({
    ...world,
    reader: async (signal) => {
      const opened = await world.reader(signal)
      const { scorer } = opened
      const watched: typeof scorer = {
        ...scorer,
        async score(request, s, hint) {
          const from = performance.now()
          first = Math.min(first, from)
          const scores = await scorer.score(request, s, hint)
          last = performance.now()
          latencies.push((last - from) / 1000)
          passages += request.passages.length
          return scores
        },
      }
      return { ...opened, scorer: watched }
    },
    as: (config) => over(world.as(config)),
  })
  const window = (): Window => ({ passages, seconds: (last - first) / 1000, latencies })
  return { reset, over, window }
}
