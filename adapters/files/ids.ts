/** Which ids of a file were met already, in little memory: a corpus may have many millions. */
import { hash } from 'node:crypto'

export interface SeenIds {
  /** The place at which this id was met before; `undefined` when it is new, and it is noted then. */
  before(id: string, place: number): number | undefined
  /** Bytes that are held. */
  readonly bytes: number
}

/** The number that an id writes in the usual way, or NaN. */
const wholeNumber = (id: string): number => (/^(0|[1-9]\d{0,14})$/.test(id) ? Number(id) : NaN)

/**
 * Ids that count up (1, 2, 3, …) are held as a range, which takes no memory to speak of; any other one as 96 bits of its
 * SHA-256 beside its place (20 to 30 bytes). Two of 21 million different ids are then taken for the same one with a
 * probability of 3·10⁻¹⁵.
 *
 * @param place from 1, below 2³²: a line, an item, a row
 */
export const seenIds = (): SeenIds => {
  const counted = range()
  const others = table()
  return {
    before(id, place) {
      const number = wholeNumber(id)
      if (counted.holds(number)) return counted.place(number)
      if (!counted.follows(number)) return others.find(id, place)
      const known = others.find(id)
      if (known === undefined) counted.extend(number, place)
      return known
    },
    get bytes() {
      return counted.bytes + others.bytes
    },
  }
}

/** One run of numbers without a gap. Where the distance between number and place changes, both are noted. */
const range = () => {
  let [first, last, distance] = [NaN, NaN, NaN]
  const numbers: number[] = []
  const places: number[] = []
  return {
    holds: (number: number) => number >= first && number <= last,
    follows: (number: number) => (Number.isNaN(last) ? !Number.isNaN(number) : number === last + 1),
    extend(number: number, place: number) {
      if (Number.isNaN(first)) first = number
      last = number
      if (place - number !== distance) {
        distance = place - number
        numbers.push(number)
        places.push(place)
      }
    },
    place(number: number): number {
      let [low, high] = [0, numbers.length - 1]
      while (low < high) {
        const middle = Math.ceil((low + high) / 2)
        if ((numbers[middle] ?? 0) <= number) low = middle
        else high = middle - 1
      }
      return (places[low] ?? 0) + number - (numbers[low] ?? 0)
    },
    get bytes() {
      return 16 * numbers.length
    },
  }
}

/** 256 hash tables, so that one that grows is a small part of the whole. An entry: three words of the hash, the place. */
const table = () => {
  const parts = Array.from({ length: 256 }, part)
  let size = 0
  return {
    /** The place of this id; a new one is noted, if there is a place to note. */
    find(id: string, place = 0): number | undefined {
      if (place === 0 && size === 0) return undefined
      // As text it comes five times as fast as in a buffer.
      const digest = hash('sha256', id, 'binary')
      const own = parts[digest.charCodeAt(12)] as Part
      const known = own.find(word(digest, 0), word(digest, 4), word(digest, 8), place)
      if (known === undefined && place !== 0) size++
      return known
    },
    get bytes() {
      return parts.reduce((sum, each) => sum + each.bytes, 0)
    },
  }
}

const word = (digest: string, at: number): number =>
  (digest.charCodeAt(at) |
    (digest.charCodeAt(at + 1) << 8) |
    (digest.charCodeAt(at + 2) << 16) |
    (digest.charCodeAt(at + 3) << 24)) >>>
  0

const part = () => {
  let entries = new Uint32Array(0)
  let capacity = 0
  let size = 0

  /** Where this hash stands, or would stand: the first free entry from its place on. */
  const slot = (a: number, b: number, c: number): number => {
    let at = a % capacity
    while (entries[4 * at + 3] !== 0) {
      if (entries[4 * at] === a && entries[4 * at + 1] === b && entries[4 * at + 2] === c) return at
      at = at + 1 === capacity ? 0 : at + 1
    }
    return at
  }
  const put = (at: number, a: number, b: number, c: number, place: number) => {
    entries[4 * at] = a
    entries[4 * at + 1] = b
    entries[4 * at + 2] = c
    entries[4 * at + 3] = place
  }
  const grow = () => {
    const before = entries
    capacity = Math.max(16, Math.ceil(capacity * 1.3))
    entries = new Uint32Array(4 * capacity)
    for (let at = 0; at < before.length; at += 4) {
      const [a, b, c] = [before[at] ?? 0, before[at + 1] ?? 0, before[at + 2] ?? 0]
      const place = before[at + 3] ?? 0
      if (place !== 0) put(slot(a, b, c), a, b, c, place)
    }
  }
  return {
    find(a: number, b: number, c: number, place: number): number | undefined {
      if (size + 1 > 0.75 * capacity) grow()
      const at = slot(a, b, c)
      const known = entries[4 * at + 3] ?? 0
      if (known !== 0) return known
      if (place === 0) return undefined
      put(at, a, b, c, place)
      size++
      return undefined
    },
    get bytes() {
      return entries.byteLength
    },
  }
}
type Part = ReturnType<typeof part>
