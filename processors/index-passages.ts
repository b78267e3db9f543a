import type { Embedder, PassageStore } from '../method/ports.ts'
import { passageText } from '../method/prompt.ts'
import { Rejected } from '../runtime/errors.ts'
import { bulk } from '../runtime/policy.ts'
import { processor } from '../runtime/processor.ts'
import { passages } from '../topics/index.ts'

/** Embeds a passage and puts it into the store; a passage without a value leaves the store. Upserts by id. */
export const index = processor({
  name: 'index',
  from: passages,
  to: [],
  policy: bulk({ inFlight: 64 }),

  async step(passage, { embedder, store }: { embedder: Embedder; store: PassageStore }, signal, attempt) {
    if (passage.text.trim() === '') throw new Rejected(`passage ${passage.id} has no text`)
    const [vector] = await embedder.embed([passageText(passage)], 'passage', signal, attempt)
    await store.upsert([{ passage, vector: vector! }], signal)
    return []
  },

  async forget(id, { store }, signal) {
    await store.remove([id], signal)
    return []
  },

  tally: () => ({ outcome: 'indexed' }),
})
