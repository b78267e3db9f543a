/** Who gets which partitions: as even as it can be, with as few moves as that allows. */
export interface Standing {
  readonly member: string
  /** What it holds at present, by its own account. */
  readonly held: readonly number[]
}

/**
 * Shares `partitions` among the members: sizes differ by one at the most, and whoever holds a partition keeps it up to
 * its share, so that a member that joins or leaves stops only the lanes that have to move.
 */
export const assigned = (standings: readonly Standing[], partitions: number): Map<string, number[]> => {
  const free = new Set(Array.from({ length: partitions }, (_, partition) => partition))
  const ordered = standings.toSorted((a, b) => b.held.length - a.held.length || (a.member < b.member ? -1 : 1))
  const least = Math.floor(partitions / standings.length)
  const larger = partitions % standings.length
  const shares = ordered.map(({ member, held }, rank) => {
    const size = least + (rank < larger ? 1 : 0)
    const kept = held.filter((partition) => free.has(partition)).slice(0, size)
    for (const partition of kept) free.delete(partition)
    return { member, size, kept }
  })
  const rest = [...free]
  return new Map(shares.map(({ member, size, kept }) => [member, [...kept, ...rest.splice(0, size - kept.length)]]))
}
