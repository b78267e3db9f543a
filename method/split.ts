/** Queries in two parts that share no gold passage: who has seen a passage as the right one has half seen the query. */
import { hash } from './random.ts'

export interface Splittable {
  readonly id: string
  /** Gold passages; where none are known, the best passage that is. */
  readonly passages: readonly string[]
}

export interface Split {
  readonly train: readonly string[]
  readonly dev: readonly string[]
}

/** Queries that hang together through shared passages. In the order of the queries. */
export const connected = <T extends Splittable>(queries: readonly T[]): T[][] => {
  const parent = queries.map((_, i) => i)
  const root = (i: number): number => {
    let at = i
    while (parent[at] !== at) at = parent[at] = parent[parent[at]!]!
    return at
  }
  const first = new Map<string, number>()
  queries.forEach(({ passages }, i) => {
    for (const passage of passages) {
      const known = first.get(passage)
      if (known === undefined) first.set(passage, i)
      else parent[root(i)] = root(known)
    }
  })
  return [...Map.groupBy(queries, (_, i) => root(i)).values()]
}

/**
 * About `share` of the queries are set aside, whole components drawn by the seed; the same queries in another order are
 * split alike. A component that would make the part larger than asked for is left with the training queries.
 */
export const splitQueries = (
  queries: readonly Splittable[],
  { share, seed }: { readonly share: number; readonly seed: number },
): Split => {
  const wanted = Math.round(share * queries.length)
  const key = (component: readonly Splittable[]) => component.map(({ id }) => id).reduce((a, b) => (a < b ? a : b))
  const drawn = connected(queries)
    .map((component) => ({ component, key: key(component) }))
    .sort((a, b) => hash(a.key, seed) - hash(b.key, seed) || (a.key < b.key ? -1 : 1))
  const dev = new Set<string>()
  for (const { component } of drawn)
    if (dev.size + component.length <= wanted) for (const { id } of component) dev.add(id)
  const ids = queries.map(({ id }) => id)
  return { train: ids.filter((id) => !dev.has(id)), dev: ids.filter((id) => dev.has(id)) }
}
