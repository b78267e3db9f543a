import type { Embedder, PassageStore } from '../method/ports.ts'
import { passageText } from '../method/prompt.ts'
import { Rejected } from '../runtime/errors.ts'
import { bulk } from '../runtime/policy.ts'
import { processor } from '../runtime/processor.ts'
import { passages } from '../topics/index.ts'

export interface Indexing {
  readonly embedder: Embedder
  /** Where passages of this run belong: one collection, or several while one is built aside. */
  readonly stores: (run: string, signal: AbortSignal) => Promise<readonly PassageStore[]>
}

/** Embeds a passage and puts it into the store; a passage without a value leaves the store. Upserts by id. */
export const index = processor({
  name: 'index',
  from: passages,
  to: [],
  policy: bulk({ inFlight: 64, ordered: true }),

  async step(passage, { embedder, stores }: Indexing, signal, attempt) {
    if (passage.text.trim() === '') throw new Rejected(`passage ${passage.id} has no text`)
    const [vector] = await embedder.embed([passageText(passage)], 'passage', signal, attempt)
    for (const store of await stores(attempt.run, signal)) await store.upsert([{ passage, vector: vector! }], signal)
    return []
  },

  async forget(id, { stores }, signal, { run }) {
    for (const store of await stores(run, signal)) await store.remove([id], signal)
    return []
  },

  tally: () => ({ outcome: 'indexed' }),
})
