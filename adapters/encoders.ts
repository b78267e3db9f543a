/** Which encoder vectors are of: two that differ in any of this make vectors that cannot be compared. */
import type { EmbedderIdentity } from '../method/ports.ts'

const told = ({ model, revision, dimension, pooling, normalised }: EmbedderIdentity) =>
  JSON.stringify({ model, revision, dimension, pooling, normalised })

export const sameEncoder = (a: EmbedderIdentity, b: EmbedderIdentity): boolean => told(a) === told(b)

/** For people. */
export const described = ({ model, revision, dimension, pooling, normalised }: EmbedderIdentity): string =>
  `${model} (revision ${revision.slice(0, 12)}, ${dimension} numbers, ${pooling} pooling${normalised ? ', normalised' : ''})`
