/** Chance that comes out the same on every machine: whole 32-bit arithmetic, no state but its own. */

/** Spreads every bit of a 32-bit number over all others (the finaliser of MurmurHash3, by Austin Appleby). */
const scramble = (x: number): number => {
  let h = x | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Whole numbers from 0 to 2^32 − 1: hash of the text's UTF-16 units, another one for each salt. */
export const hash = (text: string, salt = 0): number => {
  let h = scramble(salt ^ 0x9e3779b9)
  for (let i = 0; i < text.length; i++) h = scramble(Math.imul(h, 0x01000193) ^ text.charCodeAt(i))
  return scramble(h ^ text.length)
}

/** The i-th number of a sequence, from 0 to 2^32 − 1. */
export const draw = (seed: number, i: number): number => scramble(seed + Math.imul(i + 1, 0x9e3779b9))

/** A generator of whole numbers from 0 to n − 1. Two sequences run side by side, so that the period outlasts any use. */
export const generator = (seed: string): ((n: number) => number) => {
  const [first, second] = [hash(seed, 1), hash(seed, 2)]
  let i = 0
  let round = 0
  return (n) => {
    i = (i + 1) | 0
    if (i === 0) round = (round + 1) | 0
    return Math.floor(((scramble(draw(first, i) ^ second ^ round) >>> 0) / 4_294_967_296) * n)
  }
}
