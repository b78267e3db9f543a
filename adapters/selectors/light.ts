/** A selector that only computes features of what the candidates carry: no model, no thread, nothing to close. */
import { featuresOf, isFeature } from '../../method/features.ts'
import type { Selector } from '../../method/ports.ts'
import { linearScore } from '../../method/selector.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { SelectorFolder } from './folder.ts'

/** @throws Fatal where the folder holds a cross-encoder, or has a feature that this version does not know. */
export const lightSelector = ({ path, identity, settings }: SelectorFolder): Selector => {
  const { encoder, linear, min_score } = settings
  if (encoder !== null || linear === null)
    throw new Fatal(`${path} holds a cross-encoder; a light selector has only weights of features`)
  const names = linear.features.filter(isFeature)
  return {
    identity,
    ...(min_score === null ? {} : { minScore: min_score }),
    async score(question, choices, signal) {
      signal.throwIfAborted()
      return featuresOf(question, choices, names).map((row) => linearScore(linear, row))
    },
  }
}
