/** The best k, ties by id, of a server that breaks ties as it likes. */
import type { Near } from '../../method/ports.ts'

/** More than are wanted, so that a tie at the last place is seen. */
const spare = 8
/** Milvus's own limit of one search. */
export const most = 16_384

const better = (a: Near, b: Near) => b.score - a.score || (a.passage.id < b.passage.id ? -1 : 1)

/**
 * Asks for more as long as the last one that came is as good as the last one that is wanted: an equal one may be left.
 * More than 16,384 equals cannot be told apart, and nobody would miss one.
 *
 * @param k at most 16,384
 */
export const ranked = async (k: number, search: (limit: number) => Promise<Near[]>): Promise<Near[]> => {
  for (let limit = Math.min(k + spare, most); ; limit = Math.min(4 * limit, most)) {
    const found = (await search(limit)).toSorted(better)
    const [wanted, last] = [found[k - 1], found.at(-1)]
    if (found.length < limit || limit === most || !wanted || !last || last.score < wanted.score)
      return found.slice(0, k)
  }
}
