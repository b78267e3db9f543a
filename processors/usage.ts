import type { Usage } from '../schemas/identity.ts'

/** What LLM calls cost, as sums for the totals. */
export const spent = ({ calls, prompt_tokens, output_tokens, cache_hits, seconds }: Usage): Record<string, number> => ({
  calls,
  prompt_tokens,
  output_tokens,
  cache_hits,
  reader_seconds: seconds,
})

export const noUsage: Usage = { calls: 0, prompt_tokens: 0, output_tokens: 0, cache_hits: 0, seconds: 0 }

/** The value of a step's only output, for its tally. */
export const only = <T>(outputs: readonly { readonly value: unknown }[]): T => outputs[0]!.value as T
