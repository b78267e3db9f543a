/** A part of many queries in which every dataset has its share, the same for the same seed wherever it is drawn. */
import { hash } from './random.ts'

interface Named {
  readonly id: string
  readonly dataset: string
}

/** Shares of n in proportion, whole numbers: what is left over goes to the largest remainders. */
const shared = (sizes: readonly number[], n: number): number[] => {
  const all = sizes.reduce((sum, size) => sum + size, 0)
  const exact = sizes.map((size) => (size * n) / all)
  const shares = exact.map(Math.floor)
  const left = n - shares.reduce((sum, share) => sum + share, 0)
  const order = exact.map((share, at) => ({ at, rest: share - Math.floor(share) })).sort((a, b) => b.rest - a.rest)
  for (const { at } of order.slice(0, left)) shares[at]!++
  return shares
}

/**
 * Ids of n queries, or of all where there are no more, in their order. Which ones depends on ids, datasets and seed, not
 * on the order: a query is drawn by the hash of its id under the seed.
 */
export const stratified = (queries: readonly Named[], n: number, seed: string): string[] => {
  const salt = hash(seed)
  const sets = [...Map.groupBy(queries, ({ dataset }) => dataset)].sort(([a], [b]) => (a < b ? -1 : 1))
  const shares = shared(
    sets.map(([, of]) => of.length),
    Math.min(n, queries.length),
  )
  const drawn = sets.flatMap(([, of], i) =>
    of
      .map(({ id }) => ({ id, at: hash(id, salt) }))
      .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
      .slice(0, shares[i]),
  )
  const chosen = new Set(drawn.map(({ id }) => id))
  return queries.flatMap(({ id }) => (chosen.has(id) ? [id] : []))
}
