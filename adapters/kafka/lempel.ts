/**
 * What producers elsewhere compress with and the library cannot read: LZ4 and Snappy. Both are a list of pieces, each
 * either bytes as they are or a stretch of what was written before; nothing here compresses.
 */

const broken = () => new Error('a batch of records is not compressed as it says')

/** What has come out so far; `again` repeats a stretch of it, which may run into itself. */
const output = (expected: number) => {
  let bytes = Buffer.allocUnsafe(Math.max(64, expected))
  let at = 0
  const grown = (more: number) => {
    if (at + more <= bytes.length) return
    const larger = Buffer.allocUnsafe(2 * (at + more))
    bytes.copy(larger, 0, 0, at)
    bytes = larger
  }
  return {
    literal(from: Buffer, start: number, length: number) {
      if (start + length > from.length) throw broken()
      grown(length)
      at += from.copy(bytes, at, start, start + length)
    },
    again(distance: number, length: number) {
      if (distance < 1 || distance > at) throw broken()
      grown(length)
      if (distance >= length) bytes.copy(bytes, at, at - distance, at - distance + length)
      else for (let n = 0; n < length; n++) bytes[at + n] = bytes[at + n - distance]!
      at += length
    },
    all: () => bytes.subarray(0, at),
  }
}
type Output = ReturnType<typeof output>

/** A length of which 15 means: and the bytes that follow, up to one that is not 255. */
const lengthened = (block: Buffer, at: number, nibble: number): [length: number, next: number] => {
  let length = nibble
  for (let more = nibble === 15 ? 255 : 0; more === 255; length += more) {
    if (at >= block.length) throw broken()
    more = block[at++]!
  }
  return [length, at]
}

const lz4Block = (block: Buffer, into: Output): void => {
  for (let at = 0; at < block.length;) {
    const token = block[at++]!
    const [literals, start] = lengthened(block, at, token >> 4)
    into.literal(block, start, literals)
    at = start + literals
    if (at === block.length) return // the last piece repeats nothing
    const distance = block.readUInt16LE(at)
    const [length, next] = lengthened(block, at + 2, token & 15)
    into.again(distance, length + 4)
    at = next
  }
}

const lz4Magic = 0x184d2204

/** LZ4 frames. Checksums are passed over: Kafka has its own, and the connection another. */
export const lz4 = (bytes: Buffer): Buffer => {
  const into = output(4 * bytes.length)
  for (let at = 0; at < bytes.length;) {
    if (bytes.readUInt32LE(at) !== lz4Magic) throw broken()
    const flags = bytes[at + 4]!
    at += 7 + (flags & 8 ? 8 : 0) + (flags & 1 ? 4 : 0) // magic, flags, block size, checksum; size of all; dictionary
    for (;;) {
      const head = bytes.readUInt32LE(at)
      at += 4
      if (head === 0) break
      const size = head % 0x80000000
      if (at + size > bytes.length) throw broken()
      if (head >= 0x80000000) into.literal(bytes, at, size)
      else lz4Block(bytes.subarray(at, at + size), into)
      at += size + (flags & 16 ? 4 : 0)
    }
    at += flags & 4 ? 4 : 0
  }
  return into.all()
}

const varint = (bytes: Buffer, at: number): [value: number, next: number] => {
  let value = 0
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++]
    if (byte === undefined || scale > 2 ** 28) throw broken()
    value += (byte & 127) * scale
    if (byte < 128) return [value, at]
  }
}

const snappyBlock = (block: Buffer): Buffer => {
  const [size, first] = varint(block, 0)
  const into = output(Math.min(size, 64 * block.length))
  for (let at = first; at < block.length;) {
    const tag = block[at++]!
    const [kind, six] = [tag & 3, tag >> 2]
    if (kind === 0) {
      const wide = Math.max(0, six - 59)
      const length = 1 + (wide === 0 ? six : block.readUIntLE(at, wide))
      into.literal(block, at + wide, length)
      at += wide + length
    } else if (kind === 1) into.again((tag >> 5) * 256 + block.readUInt8(at++), 4 + (six & 7))
    else {
      const wide = kind === 2 ? 2 : 4
      into.again(block.readUIntLE(at, wide), six + 1)
      at += wide
    }
  }
  const all = into.all()
  if (all.length !== size) throw broken()
  return all
}

/** What Java's producers put before their blocks: 0x82, SNAPPY, 0; then two versions. */
const javaMagic = Buffer.from('\x82SNAPPY\0', 'latin1')
const javaHeader = javaMagic.length + 8

/** Snappy: one block as it is, or, as Java's producers write it, several, each behind its length. */
export const snappy = (bytes: Buffer): Buffer => {
  if (!bytes.subarray(0, javaMagic.length).equals(javaMagic)) return snappyBlock(bytes)
  if (bytes.length <= javaHeader) throw broken()
  const blocks: Buffer[] = []
  for (let at = javaHeader; at < bytes.length;) {
    const size = bytes.readUInt32BE(at)
    blocks.push(snappyBlock(bytes.subarray(at + 4, at + 4 + size)))
    at += 4 + size
  }
  return Buffer.concat(blocks)
}
