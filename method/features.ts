/**
 * What can be said of a candidate from the question and the candidates alone: one definition, for training and for work.
 * Golds and has-answer are not among what is read. A feature may depend on the whole group (its best score, how rare a
 * word is in it); what adds the same to every candidate of a group changes no choice.
 */
import type { Choice } from './ports.ts'
import { asks, couldAnswer, tokensOf, type Asks, type Token } from './wording.ts'

interface Read {
  readonly choice: Choice
  readonly text: readonly Token[]
  readonly title: ReadonlySet<string>
  /** Stems of title and text. */
  readonly stems: ReadonlySet<string>
}

/** What depends on the group is worked out once a candidate, when a feature first asks for it. */
interface Weighed extends Read {
  readonly nearest: () => Nearest
  readonly answering: () => readonly Token[]
}

interface Group {
  /** Distinct stems of the question without glue; all of them where it is nothing but glue. */
  readonly asked: readonly string[]
  /** Neighbours in the question, of which one at least is no glue. */
  readonly pairs: readonly string[]
  readonly reads: readonly Weighed[]
  /** By how rare a stem is among the candidates. */
  readonly rarity: (stem: string) => number
}

const stemsOf = (tokens: readonly Token[]): string[] => tokens.map(({ stem }) => stem)
const content = (tokens: readonly Token[]): Set<string> =>
  new Set(tokens.filter(({ isGlue }) => !isGlue).map(({ stem }) => stem))

const pairsOf = (tokens: readonly Token[]): string[] =>
  tokens.slice(1).flatMap((token, i) => {
    const before = tokens[i]!
    return before.isGlue && token.isGlue ? [] : `${before.stem} ${token.stem}`
  })

const readOf = (choice: Choice): Read => {
  const [title, text] = [tokensOf(choice.title), tokensOf(choice.text)]
  return { choice, text, title: content(title), stems: new Set([...stemsOf(title), ...stemsOf(text)]) }
}

/** ln((n + 1) / (m + ½)) for a stem that m of n candidates hold. */
const rarityIn = (reads: readonly Read[]): ((stem: string) => number) => {
  const holders = new Map<string, number>()
  for (const { stems } of reads) for (const one of stems) holders.set(one, (holders.get(one) ?? 0) + 1)
  return (stem) => Math.log((reads.length + 1) / ((holders.get(stem) ?? 0) + 0.5))
}

const groupOf = (question: string, choices: readonly Choice[]): Group => {
  const tokens = tokensOf(question)
  const reads = choices.map(readOf)
  const words = content(tokens)
  const asked = words.size > 0 ? [...words] : [...new Set(stemsOf(tokens))]
  const kind = asks(question)
  const rarity = rarityIn(reads)
  const weighed = reads.map((read) => ({
    ...read,
    nearest: once(() => nearestIn(asked, rarity, read)),
    answering: once(() => answeringIn(asked, kind, read)),
  }))
  return { asked, pairs: [...new Set(pairsOf(tokens))], reads: weighed, rarity }
}

const once = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}

const best = (values: readonly (number | null)[]): number => Math.max(...values.flatMap((value) => value ?? []))
const least = (values: readonly (number | null)[]): number => Math.min(...values.flatMap((value) => value ?? []))
const finite = (value: number, otherwise: number): number => (Number.isFinite(value) ? value : otherwise)

/** Part of the weight of `all` that those of them have that `holds` holds. */
const shareOf = (all: readonly string[], holds: ReadonlySet<string>, weight: (one: string) => number = () => 1) => {
  const of = (some: readonly string[]) => some.reduce((sum, one) => sum + weight(one), 0)
  return all.length === 0 ? 0 : of(all.filter((one) => holds.has(one))) / of(all)
}

const sentencesOf = ({ text }: Read): ReadonlySet<string>[] =>
  [...Map.groupBy(text, ({ sentence }) => sentence).values()].map((tokens) => new Set(stemsOf(tokens)))

interface Nearest {
  /** Part of what is asked, by rarity, that the sentence holds; what the title says need not be said again. */
  readonly share: number
  readonly sentence: number
}

/** The sentence that holds most of what is asked. */
const nearestIn = (asked: readonly string[], rarity: (stem: string) => number, read: Read): Nearest => {
  const open = asked.filter((stem) => !read.title.has(stem))
  const shares = sentencesOf(read).map((stems) => shareOf(open, stems, rarity))
  const share = finite(Math.max(...shares), 0)
  return { share, sentence: shares.indexOf(share) }
}

/** Words that could answer and that the question does not hold itself. */
const answeringIn = (asked: readonly string[], kind: Asks, { text }: Read): Token[] => {
  if (kind === undefined) return []
  const known = new Set(asked)
  return text.filter((token) => !known.has(token.stem) && couldAnswer(kind, token))
}

/** Of two sets of stems: what they share, by what they have together. */
const likeness = (a: ReadonlySet<string>, b: ReadonlySet<string>): number => {
  const shared = [...a].filter((one) => b.has(one)).length
  return shared === 0 ? 0 : shared / (a.size + b.size - shared)
}

const scoresOf = ({ reads }: Group, of: 'score' | 'dense_score' | 'sparse_score') =>
  reads.map(({ choice }) => choice[of])
const place = (rank: number | null): number => (rank === null || rank < 1 ? 0 : 1 / rank)
const deep = 200
/** −ln rank; what a ranking did not hold is deep down in it. */
const depth = (rank: number | null): number => -Math.log(rank === null || rank < 1 ? deep : rank)

type Of = (group: Group, read: Weighed) => number

const dense: Of = (group, { choice }) => choice.dense_score ?? finite(least(scoresOf(group, 'dense_score')), 0)
/** Part of the best score; one without a score, or beside no score above 0, has none. */
const ofBest =
  (kind: 'score' | 'sparse_score'): Of =>
  (group, { choice }) => {
    const top = best(scoresOf(group, kind))
    return top > 0 ? Math.max(choice[kind] ?? 0, 0) / top : 0
  }
const length: Of = ({ asked }) => Math.log(1 + asked.length)

/** Their order is that of the rows where nobody asks for another. */
const all = {
  /** Inner product with the question's vector; one that only words found has the least of the group. */
  dense,
  /** BM25 score by the best one of the group. */
  sparse: ofBest('sparse_score'),
  /** ln(1 + BM25 score). */
  sparse_score: (_group, { choice }) => Math.log1p(Math.max(choice.sparse_score ?? 0, 0)),
  /** Fusion score (what the rank was sorted by), by the best one of the group. */
  fused: ofBest('score'),
  /** 1 / rank by meaning, by words, and fused; 0 where a ranking does not hold it. */
  dense_place: (_group, { choice }) => place(choice.dense_rank),
  sparse_place: (_group, { choice }) => place(choice.sparse_rank),
  place: (_group, { choice }) => place(choice.rank),
  dense_depth: (_group, { choice }) => depth(choice.dense_rank),
  sparse_depth: (_group, { choice }) => depth(choice.sparse_rank),
  /** Long questions match by words, short ones by meaning. */
  dense_long: (group, read) => dense(group, read) * length(group, read),
  sparse_long: (group, read) => ofBest('sparse_score')(group, read) * length(group, read),
  /** Part of the question's words in the title, and of the title's words in the question. */
  in_title: ({ asked }, { title }) => shareOf(asked, title),
  title_asked: ({ asked }, { title }) => shareOf([...title], new Set(asked)),
  /** Part of the question's words in title and text, alike and by rarity. */
  in_text: ({ asked }, { stems }) => shareOf(asked, stems),
  rare: ({ asked, rarity }, { stems }) => shareOf(asked, stems, rarity),
  /** The same of one sentence, and of neighbouring words. */
  sentence: (_group, { nearest }) => nearest().share,
  pairs: ({ pairs }, { text }) => shareOf(pairs, new Set(pairsOf(text))),
  /** Words that could answer: whether the closest sentence holds one, and how many there are. */
  answer_near: (_group, { nearest, answering }) =>
    Number(answering().some((token) => token.sentence === nearest().sentence)),
  answers: (_group, { answering }) => Math.log1p(answering().length),
  /** Mean likeness to the other candidates. */
  agreement: ({ reads }, { stems }) => {
    const others = reads.filter((read) => read.stems !== stems)
    return others.reduce((sum, read) => sum + likeness(stems, read.stems), 0) / Math.max(1, others.length)
  },
  /** ln(1 + words). */
  length: (_group, { text }) => Math.log1p(text.length),
  generated: (_group, { choice }) => Number(choice.source === 'generated'),
} satisfies Readonly<Record<string, Of>>

export type FeatureName = keyof typeof all
export const featureNames = Object.keys(all) as readonly FeatureName[]

export const isFeature = (name: unknown): name is FeatureName =>
  typeof name === 'string' && (featureNames as readonly string[]).includes(name)

/** A row a choice, in their order; a column a name, in the order of the names. Every number is finite. */
export const featuresOf = (
  question: string,
  choices: readonly Choice[],
  names: readonly FeatureName[] = featureNames,
): number[][] => {
  const group = groupOf(question, choices)
  return group.reads.map((read) => names.map((name) => all[name](group, read)))
}
