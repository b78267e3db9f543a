/**
 * Which calls read every token of every gold. The row of logits before a token says how likely every token is, so golds
 * that begin alike share rows: a call follows one gold and takes along what others need of the rows on its way.
 */

/** One path of forced tokens. */
export interface Call {
  /** Tokens of the gold that already stand in the prompt: their figures are read by earlier calls. */
  readonly prefix: readonly number[]
  /** Forced one after the other. */
  readonly path: readonly number[]
  /** Per step: the tokens whose figures are read, the forced one first. */
  readonly wanted: readonly (readonly number[])[]
}

const address = (before: readonly number[]) => before.join(' ')

/**
 * Every token of every gold stands in exactly one call, at the row before it.
 * @param golds distinct, none empty
 * @param room tokens that one row may be asked for
 */
export const callsOf = (golds: readonly (readonly number[])[], room: number): Call[] => {
  const left = new Map<string, Set<number>>()
  for (const gold of golds)
    gold.forEach((token, i) => {
      const at = address(gold.slice(0, i))
      left.set(at, (left.get(at) ?? new Set()).add(token))
    })
  const take = (before: readonly number[], first: number): number[] => {
    const open = left.get(address(before))!
    const taken = [...open].sort((a, b) => Number(b === first) - Number(a === first)).slice(0, room)
    for (const token of taken) open.delete(token)
    return taken
  }
  const longestFirst = golds.toSorted((a, b) => b.length - a.length)
  return longestFirst.flatMap((gold) => {
    const from = gold.findIndex((token, i) => left.get(address(gold.slice(0, i)))!.has(token))
    if (from < 0) return []
    // Whoever read a later row was forced through this one: nothing after the first open token was read yet.
    const path = gold.slice(from)
    const wanted = path.map((token, s) => take(gold.slice(0, from + s), token))
    return [{ prefix: gold.slice(0, from), path, wanted }]
  })
}

/** What was read, by where a token stands. */
export const readings = <T>() => {
  const found = new Map<string, T>()
  const key = (before: readonly number[], token: number) => `${address(before)}|${token}`
  return {
    put: (before: readonly number[], token: number, value: T) => void found.set(key(before, token), value),
    /** One per token of a gold. */
    along: (gold: readonly number[]): T[] => gold.map((token, i) => found.get(key(gold.slice(0, i), token))!),
  }
}
export type Readings<T> = ReturnType<typeof readings<T>>
