/** Queries with candidates, made of nothing but a seed: the same ones in every run. */
import { random, type Random } from '../../../adapters/memory/random.ts'
import type { Candidates } from '../../../schemas/candidates.ts'
import type { Candidate } from '../../../schemas/passage.ts'

export const run = 'faults'
export const perQuery = 3
/** A server that this word kills knows it from its prompt; its golds are ordinary. */
export const poison = 'zyzzogeton'

const syllables = [
  'ka',
  'lo',
  'mi',
  'ren',
  'su',
  'tal',
  'vo',
  'zan',
  'el',
  'dor',
  'pi',
  'que',
  'nas',
  'hul',
  'bra',
  'ti',
]

const word = (from: Random) => Array.from({ length: from.between(2, 3) }, () => from.pick(syllables)).join('')
const name = (from: Random) => word(from).replace(/^./, (letter) => letter.toUpperCase())

const sentence = (about: string, from: Random) =>
  `${about} ${Array.from({ length: from.between(9, 14) }, () => word(from)).join(' ')}.`

const passage = (id: string, rank: number, about: string, from: Random): Candidate => ({
  ...{ id, title: about, text: Array.from({ length: 6 }, () => sentence(about, from)).join(' ') },
  ...{ source: 'retrieved', rank, score: null, dense_rank: null, dense_score: null, sparse_rank: null },
  ...{ sparse_score: null, given_score: null, same_as: [], twin_of: null, not_available: false },
})

/** Every fifth query has two golds. */
export const candidatesOf = (number: number, seed: number, poisonous: boolean): Candidates => {
  const from = random(seed * 100_003 + number)
  const [about, answer] = [name(from), name(from)]
  const id = `q${String(number).padStart(5, '0')}`
  const question = `Who came to ${about} in the year ${from.between(1000, 1999)}${poisonous ? ` with ${poison}` : ''}?`
  const golds = { answers: [answer, ...(number % 5 === 0 ? [name(from)] : [])], gold_passage_ids: [] }
  const passages = Array.from({ length: perQuery }, (_, p) =>
    passage(`${id}-${p}`, p + 1, p === 0 ? `${about} of ${answer}` : name(from), from),
  )
  return { run, asked_at: 0, query: { id, question, ...golds, dataset: '', lang: 'en' }, passages }
}
