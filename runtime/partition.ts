/** 32-bit murmur2 with the seed that Kafka's clients use. */
export const murmur2 = (bytes: Buffer): number => {
  const m = 0x5bd1e995
  let hash = (0x9747b28c ^ bytes.length) | 0
  const whole = bytes.length & ~3
  for (let at = 0; at < whole; at += 4) {
    let k = Math.imul(bytes.readInt32LE(at), m)
    k = Math.imul(k ^ (k >>> 24), m)
    hash = Math.imul(hash, m) ^ k
  }
  for (let at = bytes.length - 1; at >= whole; at--) {
    hash ^= bytes[at]! << ((at - whole) * 8)
    if (at === whole) hash = Math.imul(hash, m)
  }
  hash = Math.imul(hash ^ (hash >>> 13), m)
  return (hash ^ (hash >>> 15)) | 0
}

/** As Kafka's own clients do it: a foreign producer puts the same key into the same partition. */
export const partitionOf = (key: string, partitions: number): number =>
  (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions
