/** Who works on what: even and sticky. Each member computes its own part from what all members hold. */

export interface Share {
  /** Partitions above the member's fair share. */
  give: readonly number[]
  /** Free partitions that it is due. */
  take: readonly number[]
}

/**
 * `held`: the partitions of each live member, `me` among them. Where the partitions do not divide evenly, those who
 * hold most keep the odd ones, so that nothing moves without need.
 */
export const share = (me: string, held: ReadonlyMap<string, readonly number[]>, partitions: number): Share => {
  const mine = [...(held.get(me) ?? [])].sort((a, b) => a - b)
  const count = (member: string) => held.get(member)?.length ?? 0
  const ranked = [...held.keys()].sort((a, b) => count(b) - count(a) || (a < b ? -1 : 1))
  const odd = ranked.indexOf(me) < partitions % ranked.length ? 1 : 0
  const due = Math.floor(partitions / ranked.length) + odd
  const taken = new Set([...held.values()].flat())
  const free = Array.from({ length: partitions }, (_, partition) => partition).filter((p) => !taken.has(p))
  return { give: mine.slice(due), take: free.slice(0, Math.max(0, due - mine.length)) }
}
