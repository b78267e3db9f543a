/** What protects the stream from its selectors: a model that hangs or breaks must not cost answers. */
import type { Selector } from '../../method/ports.ts'
import type { Endpoint } from '../../runtime/endpoint.ts'
import { Unavailable } from '../../runtime/errors.ts'
import type { Logger } from '../../runtime/observe.ts'
import { within } from '../../runtime/wait.ts'

/** The slots, the time limit and the breaker of an endpoint hold for every call. */
export const guardedSelector = (endpoint: Endpoint, selector: Selector): Selector => ({
  ...selector,
  score: (question, choices, signal, hint) =>
    endpoint.call((s) => selector.score(question, choices, s, hint), signal, hint),
})

/** A watched selector that takes longer is not worth the wait. Milliseconds. */
const patience = 10_000
/** Failures in a row after which it is not asked any more. */
const enough = 5

/** One that is only watched: after a few failures nobody waits for it any more. */
export const watchedSelector = (selector: Selector, logger: Logger): Selector => {
  let failures = 0
  const late = () => new Unavailable(`${selector.identity.name} took more than ${patience / 1000} s`)
  return {
    ...selector,
    async score(question, choices, signal, hint) {
      if (failures >= enough) throw new Unavailable(`${selector.identity.name} is not watched any more`)
      try {
        const scores = await within(patience, signal, (s) => selector.score(question, choices, s, hint), late)
        failures = 0
        return scores
      } catch (error) {
        if (!signal.aborted && ++failures === enough)
          logger.error(
            { selector: selector.identity.sha256 },
            `${selector.identity.name} failed ${enough} times in a row and is not watched any more`,
          )
        throw error
      }
    },
  }
}
