/** Which encoder vectors are of: two that differ in any of this make vectors that cannot be compared. */
import type { EmbedderIdentity } from '../method/ports.ts'
import { alike } from './embeddings/fingerprint.ts'

/** As it is noted in files. */
export const told = ({ model, revision, dimension, pooling, normalised }: EmbedderIdentity) =>
  JSON.stringify({ model, revision, dimension, pooling, normalised })

/** What a server's model is used with, and how it answered (see embeddings/fingerprint.ts). */
const parts = (revision: string): [used: string, answered: string] => {
  const at = revision.indexOf('.')
  return [revision.slice(0, at), revision.slice(at + 1)]
}

/** A server's last digits are not the same everywhere: there it is enough to answer alike. */
export const sameEncoder = (a: EmbedderIdentity, b: EmbedderIdentity): boolean => {
  if (a.pooling !== 'served' || b.pooling !== 'served') return told(a) === told(b)
  const [[used, ours], [others, theirs]] = [parts(a.revision), parts(b.revision)]
  return used === others && told({ ...a, revision: '' }) === told({ ...b, revision: '' }) && alike(ours, theirs)
}

/** For people. */
export const described = ({ model, revision, dimension, pooling, normalised }: EmbedderIdentity): string =>
  `${model} (revision ${revision.slice(0, 12)}, ${dimension} numbers, ${pooling} pooling${normalised ? ', normalised' : ''})`

/** Why nothing is searched in a collection or written to it. */
export const otherEncoder = (
  collection: string,
  place: string,
  theirs: EmbedderIdentity,
  ours: EmbedderIdentity,
): string =>
  `the collection ${collection} in ${place} holds vectors of ${described(theirs)}, but the encoder in use is ` +
  `${described(ours)}; use that encoder or another collection (store.collection)`
