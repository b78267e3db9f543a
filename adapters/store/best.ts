/** Keeps the best `k` of many scored slots: higher scores first, ties by id. */
export interface Scored {
  readonly slot: number
  readonly score: number
}

export interface Best {
  add(slot: number, score: number): void
  /** Best first. */
  list(): Scored[]
}

/** A heap whose root is the worst that is kept: most slots cost one comparison with it. */
export const best = (k: number, idOf: (slot: number) => string): Best => {
  const heap: Scored[] = []
  const worse = (a: Scored, b: Scored) => a.score < b.score || (a.score === b.score && idOf(a.slot) > idOf(b.slot))
  const at = (index: number) => heap[index] as Scored
  const swap = (a: number, b: number) => ([heap[a], heap[b]] = [at(b), at(a)])

  const rise = (index: number) => {
    for (let parent = (index - 1) >> 1; index > 0 && worse(at(index), at(parent)); parent = (index - 1) >> 1) {
      swap(index, parent)
      index = parent
    }
  }
  const sink = (index: number) => {
    for (;;) {
      let worst = index
      for (const child of [2 * index + 1, 2 * index + 2])
        if (child < heap.length && worse(at(child), at(worst))) worst = child
      if (worst === index) return
      swap(index, worst)
      index = worst
    }
  }
  return {
    add(slot, score) {
      if (heap.length < k) rise(heap.push({ slot, score }) - 1)
      else if (k > 0 && score >= at(0).score && worse(at(0), { slot, score })) {
        heap[0] = { slot, score }
        sink(0)
      }
    },
    list: () => heap.toSorted((a, b) => (worse(a, b) ? 1 : -1)),
  }
}
