/** Real questions with the passages that BM25 finds for them in the benchmark's corpus. */
import { best } from '../../adapters/store/best.ts'
import { lexicon } from '../../adapters/store/lexicon.ts'
import type { Choice } from '../../method/ports.ts'
import { corpus, datasets, evalQueries } from '../data.ts'

export interface Asked {
  readonly question: string
  readonly choices: readonly Choice[]
}

const choice = (
  { id, title, text }: { id: string; title: string; text: string },
  at: number,
  score: number,
): Choice => ({
  ...{ id, title, text, source: 'retrieved', rank: at + 1, score, dense_rank: null, dense_score: null },
  ...{ sparse_rank: at + 1, sparse_score: score, given_score: null },
})

/** So many questions, evenly out of all data sets; each with its `candidates` best passages, fewer where fewer match. */
export const questions = async (count: number, candidates: number): Promise<Asked[]> => {
  const passages = await corpus()
  const words = lexicon()
  passages.forEach(({ title, text }, slot) => words.add(slot, `${title} ${text}`))
  const alive = new Uint8Array(passages.length).fill(1)
  const all = datasets.flatMap((dataset) => evalQueries(dataset))
  return Array.from({ length: count }, (_, i) => {
    const { question } = all[Math.floor((i * all.length) / count)]!
    const found = best(candidates, (slot) => passages[slot]!.id)
    words.match(question, alive, found)
    return { question, choices: found.list().map(({ slot, score }, at) => choice(passages[slot]!, at, score)) }
  })
}
