/** Which of the waiting texts go to the model together. */
export interface Waiting {
  readonly text: string
}

export interface Limits {
  readonly texts: number
  /** Of all texts, as the longest of them would have it; a text that is longer goes alone. */
  readonly characters?: number
}

/**
 * Takes texts out of `waiting`: the oldest, so that none starves, and those nearest to it in length among the next
 * sixteen batches, so that little is padded.
 */
export const takeBatch = <T extends Waiting>(waiting: T[], { texts, characters = Infinity }: Limits): T[] => {
  const oldest = waiting[0]
  const window = waiting.splice(0, texts * 16)
  const byLength = window.toSorted((a, b) => a.text.length - b.text.length)
  const at = oldest === undefined ? 0 : byLength.indexOf(oldest)
  const start = Math.max(0, Math.min(at - (texts >> 1), byLength.length - texts))
  const batch = within(byLength.slice(start, start + texts), oldest, characters)
  const taken = new Set(batch)
  waiting.unshift(...window.filter((item) => !taken.has(item)))
  return batch
}

/** The same for `gather`. */
export const batchesOf =
  (limits: Limits) =>
  <T extends Waiting>(waiting: T[]): T[] =>
    takeBatch(waiting, limits)

/** Drops those that are longer than the oldest, the longest first, then the shortest, until the rest fits. */
const within = <T extends Waiting>(batch: readonly T[], oldest: T | undefined, characters: number): T[] => {
  const at = oldest === undefined ? 0 : batch.indexOf(oldest)
  let [start, end] = [0, batch.length]
  const tooMuch = () => (end - start) * (batch[end - 1]?.text.length ?? 0) > characters
  while (end - 1 > at && tooMuch()) end--
  while (start < at && tooMuch()) start++
  return batch.slice(start, end)
}
