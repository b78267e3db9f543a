/** Numbers that look random and come again with the same seed (a 32-bit xorshift over a Weyl sequence). */
export interface Random {
  /** At least 0, below 1. */
  next: () => number
  /** A whole number, at least `low` and at most `high`. */
  between: (low: number, high: number) => number
  pick: <T>(from: readonly T[]) => T | undefined
}

export const random = (seed: number): Random => {
  let weyl = Math.imul(seed + 1, 0x9e3779b1) >>> 0
  const next = () => {
    weyl = (weyl + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(weyl ^ (weyl >>> 15), weyl | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (low: number, high: number) => low + Math.floor(next() * (high - low + 1))
  return { next, between, pick: (from) => from[between(0, from.length - 1)] }
}
