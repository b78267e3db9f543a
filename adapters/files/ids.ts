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
      const known = others.size > 0 ? others.find(id) : undefined
      if (known !== undefined) return known
      if (!counted.extend(number, place)) others.add(id, place)
      return undefined
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
    extend(number: number, place: number): boolean {
      if (Number.isNaN(number) || (!Number.isNaN(last) && number !== last + 1)) return false
      if (Number.isNaN(first)) first = number
      last = number
      if (place - number !== distance) {
        distance = place - number
        numbers.push(number)
        places.push(place)
      }
      return true
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
  const partOf = (digest: Buffer) => parts[digest[12] ?? 0] as Part
  return {
    find: (id: string): number | undefined => {
      const digest = hash('sha256', id, 'buffer')
      return partOf(digest).find(digest)
    },
    add(id: string, place: number) {
      const digest = hash('sha256', id, 'buffer')
      partOf(digest).add(digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), place)
      size++
    },
    get size() {
      return size
    },
    get bytes() {
      return parts.reduce((sum, each) => sum + each.bytes, 0)
    },
  }
}

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
  const grow = () => {
    const before = entries
    capacity = Math.max(16, Math.ceil(capacity * 1.3))
    entries = new Uint32Array(4 * capacity)
    for (let at = 0; at < before.length; at += 4) {
      const [a = 0, b = 0, c = 0, place = 0] = before.subarray(at, at + 4)
      if (place !== 0) entries.set([a, b, c, place], 4 * slot(a, b, c))
    }
  }
  return {
    find(digest: Buffer): number | undefined {
      if (size === 0) return undefined
      const at = slot(digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8))
      return entries[4 * at + 3] || undefined
    },
    add(a: number, b: number, c: number, place: number) {
      if (size + 1 > 0.75 * capacity) grow()
      entries.set([a, b, c, place], 4 * slot(a, b, c))
      size++
    },
    get bytes() {
      return entries.byteLength
    },
  }
}
type Part = ReturnType<typeof part>
