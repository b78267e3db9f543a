import type { EmbedderIdentity } from '../../../method/ports.ts'

/** The identity of an encoder that never ran. */
export const encoder = (some: Partial<EmbedderIdentity> = {}): EmbedderIdentity => ({
  model: 'three-numbers',
  revision: '0'.repeat(64),
  dimension: 3,
  pooling: 'mean',
  normalised: false,
  ...some,
})
