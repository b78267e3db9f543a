/** An inverted index in memory, scored by BM25 (Robertson and Zaragoza, 2009). */
import type { Best } from './best.ts'
import { termsOf } from './terms.ts'

/** How soon a repeated term stops counting, and how much a long passage is discounted (Anserini's values for passages). */
const k1 = 0.9
const b = 0.4
/** A posting is slot × 256 + occurrences; more occurrences than that change no score that a double could tell. */
const most = 255

export interface Lexicon {
  /** Slots only grow. */
  add(slot: number, text: string): void
  /** Before the slot stops being alive. */
  remove(slot: number): void
  /** Offers every alive slot that shares a term with `text`. */
  match(text: string, alive: Uint8Array, best: Best): void
}

export const lexicon = (): Lexicon => {
  const postings = new Map<string, number[]>()
  const lengths: number[] = []
  let passages = 0
  let total = 0

  const scores = new Map<number, number>()
  const score = (entries: readonly number[], times: number, alive: Uint8Array) => {
    const found = entries.filter((entry) => alive[entry >>> 8] === 1)
    const rarity = Math.log(1 + (passages - found.length + 0.5) / (found.length + 0.5))
    for (const entry of found) {
      const slot = entry >>> 8
      const occurrences = entry & most
      const discount = k1 * (1 - b + (b * (lengths[slot] ?? 0) * passages) / total)
      const gain = (times * rarity * occurrences * (k1 + 1)) / (occurrences + discount)
      scores.set(slot, (scores.get(slot) ?? 0) + gain)
    }
  }
  return {
    add: (slot, text) => {
      const terms = termsOf(text)
      for (const [term, times] of counted(terms)) {
        const entry = slot * (most + 1) + Math.min(times, most)
        const known = postings.get(term)
        if (known) known.push(entry)
        else postings.set(term, [entry])
      }
      lengths[slot] = terms.length
      total += terms.length
      passages++
    },
    remove: (slot) => {
      total -= lengths[slot] ?? 0
      passages--
    },
    match: (text, alive, best) => {
      for (const [term, times] of counted(termsOf(text))) score(postings.get(term) ?? [], times, alive)
      for (const [slot, score] of scores) best.add(slot, score)
      scores.clear()
    },
  }
}

const counted = (terms: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
  return counts
}
