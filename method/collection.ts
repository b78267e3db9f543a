/** Names of collections: what every store takes as a name. */
import { createHash } from 'node:crypto'

/** Letters, digits and underscores; what is too long, or would be another name, ends with a hash of the whole. */
const plain = (text: string, longest: number): string => {
  const kept = text.replace(/[^A-Za-z0-9_]+/g, '_').replace(/^(?=[^A-Za-z_])/, '_')
  if (kept === text && kept.length <= longest) return kept
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8)
  return `${kept.slice(0, longest - 9)}_${hash}`
}

/** The name under which searches find the current collection of a place. */
export const aliasName = (text: string): string => plain(text, 100)

/**
 * The name of one collection under an alias.
 * @param run that it is built by; the same run finds it again
 */
export const collectionName = (alias: string, run: string): string => `${alias}__${plain(run, 100)}`
