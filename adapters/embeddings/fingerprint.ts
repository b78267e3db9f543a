/**
 * A server does not say which weights it serves, but it shows: some numbers of some vectors are kept as a fingerprint.
 * Another card, precision or version of the server changes their last digits, so fingerprints are compared and not their
 * hashes: a hash of rounded numbers would change with any number that lies at an edge.
 */
export const probes = [
  'water',
  'The capital of Mongolia is Ulaanbaatar.',
  'Copper conducts heat and electricity well, and turns green where it meets damp air for years.',
  'who wrote the opera about the barber of Seville?',
] as const

/** Numbers of each probe's vector; those of two models have nothing to do with each other. */
const each = 24
/** Smallest mean cosine of what the same weights give; those of other weights are far below it. */
const smallest = 0.98

/** @param vectors of the probes */
export const fingerprint = (vectors: readonly Float32Array[]): string => {
  const bytes = vectors.flatMap((vector) => {
    const some = [...vector.subarray(0, each)]
    const most = Math.max(...some.map(Math.abs)) || 1
    return some.map((value) => Math.round((value / most) * 127))
  })
  return Buffer.from(Int8Array.from(bytes).buffer).toString('base64url')
}

const cosine = (a: Int8Array, b: Int8Array) => {
  const product = (x: Int8Array, y: Int8Array) => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0)
  return product(a, b) / (Math.sqrt(product(a, a) * product(b, b)) || 1)
}

/** Were these made by the same weights? */
export const alike = (a: string, b: string): boolean => {
  const [ours, theirs] = [a, b].map((text) => new Int8Array(Buffer.from(text, 'base64url'))) as [Int8Array, Int8Array]
  if (ours.length === 0 || ours.length !== theirs.length) return false
  const length = ours.length / probes.length
  const parts = probes.map((_, i) => [i * length, (i + 1) * length] as const)
  const cosines = parts.map(([from, to]) => cosine(ours.subarray(from, to), theirs.subarray(from, to)))
  return cosines.reduce((sum, value) => sum + value, 0) / probes.length >= smallest
}
