/** Which of the waiting texts go to the model together. */
export interface Waiting {
  readonly text: string
}

/**
 * Takes up to `size` texts out of `waiting`: the oldest, so that none starves, and those nearest to it in length
 * among the next sixteen batches, so that little is padded.
 */
export const takeBatch = <T extends Waiting>(waiting: T[], size: number): T[] => {
  const oldest = waiting[0]
  const window = waiting.splice(0, size * 16)
  const byLength = window.toSorted((a, b) => a.text.length - b.text.length)
  const at = oldest === undefined ? 0 : byLength.indexOf(oldest)
  const start = Math.max(0, Math.min(at - (size >> 1), byLength.length - size))
  const batch = byLength.slice(start, start + size)
  const taken = new Set(batch)
  waiting.unshift(...window.filter((item) => !taken.has(item)))
  return batch
}
