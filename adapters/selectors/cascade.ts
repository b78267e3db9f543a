/** Two selectors in a row: a fast one reads all candidates, a thorough one only the best of them. */
import { createHash } from 'node:crypto'
import type { Choice, Selector } from '../../method/ports.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { SelectorIdentity } from '../../schemas/context.ts'

const identityOf = (first: SelectorIdentity, second: SelectorIdentity, narrow: number): SelectorIdentity => ({
  name: `${first.name}, best ${narrow} by ${second.name}`,
  sha256: createHash('sha256')
    .update(
      JSON.stringify([first, second, narrow].map((one) => (typeof one === 'number' ? one : [one.name, one.sha256]))),
    )
    .digest('hex'),
})

/** Places, best first. Ties keep retrieval order. */
const ranked = (choices: readonly Choice[], scores: readonly number[]): number[] =>
  scores.map((_, at) => at).sort((a, b) => scores[b]! - scores[a]! || choices[a]!.rank - choices[b]!.rank)

/**
 * The second selector's scores for the `narrow` best of the first; below the least of them, one apart, the others in
 * the first's order. Where there are no more candidates than that, the first is not asked. Abstention is the second's.
 *
 * The two are open already, and closing the cascade closes both.
 * @param narrow a whole number above 0
 * @throws Fatal for another number
 */
export const cascade = (first: Selector, second: Selector, narrow: number): Selector => {
  if (!Number.isInteger(narrow) || narrow < 1)
    throw new Fatal(`a cascade keeps a whole number of candidates above 0 for its second selector, not ${narrow}`)
  return {
    identity: identityOf(first.identity, second.identity, narrow),
    ...(second.minScore === undefined ? {} : { minScore: second.minScore }),
    async score(question, choices, signal, hint) {
      if (choices.length <= narrow) return second.score(question, choices, signal, hint)
      const order = ranked(choices, await first.score(question, choices, signal, hint))
      const kept = order.slice(0, narrow).sort((a, b) => a - b)
      const found = await second.score(question, kept.map((at) => choices[at]!), signal, hint) // prettier-ignore
      const scores = new Array<number>(choices.length)
      kept.forEach((at, i) => (scores[at] = found[i]!))
      const least = Math.min(...found)
      order.slice(narrow).forEach((at, i) => (scores[at] = least - 1 - i))
      return scores
    },
    async close() {
      await Promise.all([first.close?.(), second.close?.()])
    },
  }
}
