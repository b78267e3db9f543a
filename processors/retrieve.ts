import { assembleCandidates, type NotAvailable } from '../method/candidates.ts'
import type { Retriever } from '../method/ports.ts'
import { interactive } from '../runtime/policy.ts'
import { processor } from '../runtime/processor.ts'
import type { Candidates } from '../schemas/candidates.ts'
import { candidates, drafts } from '../topics/index.ts'
import { only } from './usage.ts'

export interface Retrieving {
  readonly retriever: Retriever
  /** Retrieved passages asked for; fewer is normal. */
  readonly k: number
  readonly notAvailable: NotAvailable
}

/** The k passages nearest to the question, each once, and the pseudo-passage. */
export const retrieve = processor({
  name: 'retrieve',
  from: drafts,
  to: [candidates],
  policy: interactive({ inFlight: 16 }),

  async step({ run, asked_at, query, pseudo_passage }, { retriever, k, notAvailable }: Retrieving, signal, attempt) {
    const found = await retriever.retrieve(query.question, k, signal, attempt)
    const passages = assembleCandidates(query, found, pseudo_passage, { limit: k, notAvailable })
    return [candidates.message({ run, asked_at, query, passages })]
  },

  tally(_draft, outputs) {
    const { passages } = only<Candidates>(outputs)
    return { outcome: 'retrieved', sums: { candidates: passages.length } }
  },
})
