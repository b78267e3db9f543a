/** Selectors without weights. */
import { Rejected } from '../../runtime/errors.ts'
import type { Selector } from '../../method/ports.ts'

/** The first retrieved passage wins: what standard RAG does. */
export const retrievalOrder: Selector = {
  identity: { name: 'retrieval order', sha256: '' },
  async score(_question, choices, signal) {
    signal.throwIfAborted()
    return choices.map(({ rank }) => -rank)
  },
}

/** The passage with the highest score that came with it from outside wins, e.g. the gain itself (an oracle). */
export const givenScore: Selector = {
  identity: { name: 'given score', sha256: '' },
  async score(_question, choices, signal) {
    signal.throwIfAborted()
    const given = choices.flatMap(({ given_score }) => given_score ?? [])
    if (choices.length > 0 && given.length === 0) {
      throw new Rejected('no candidate carries a given score: bring scores along, or select by retrieval order')
    }
    const below = Math.min(...given) - 1 // a record holds finite scores only
    return choices.map(({ given_score }) => given_score ?? below)
  },
}
