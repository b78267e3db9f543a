/** What the method needs from the world. Each port has a contract suite in test/contracts that every adapter passes. */
import type { Candidate } from '../schemas/passage.ts'
import type { Passage } from '../schemas/passage.ts'
import type { Identity, Usage } from '../schemas/identity.ts'
import type { SelectorIdentity } from '../schemas/context.ts'
import type { PromptTemplate } from './prompt.ts'

/** A hint for adapters with several endpoints; see runtime/processor.ts. */
export interface Hint {
  readonly avoid: readonly string[]
  readonly alone: boolean
}

export interface ScoreRequest {
  readonly question: string
  /** Distinct golds, at least one. */
  readonly answers: readonly string[]
  readonly passages: readonly Passage[]
  readonly template: PromptTemplate
  /** Each α ≥ 0 gets its own contrastive figures out of one evaluation of the prompts; none: plain figures only. */
  readonly alphas: readonly number[]
  /** A passage is cut at its end to this many tokens. */
  readonly passageTokens: number
}

/** Log-probabilities (nats, ≤ 0, finite) of one answer's tokens. */
export interface AnswerScore {
  /** ln p(token | passage, query, tokens before), one per token. */
  readonly plain: readonly number[]
  /** Contrastive, one list per requested α, one value per token. */
  readonly contrast: readonly (readonly number[])[]
}

export type PassageScore =
  { readonly cut: number; readonly answers: readonly AnswerScore[] } | { readonly unscored: string }

export interface Scores {
  /** Per answer: ln p(token | query, tokens before), without any passage. */
  readonly base: readonly (readonly number[])[]
  /** In the order of the request's passages; `answers` in the order of the request's answers. */
  readonly passages: readonly PassageScore[]
  readonly usage: Usage
  /** Who measured it, where the port stands for several. */
  readonly identity?: Identity
}

/** Measures answers with and without each passage, with the reader's own probabilities over its whole vocabulary. */
export interface Scorer {
  readonly identity: Identity
  /** The normaliser runs over the whole vocabulary. */
  readonly exact: boolean
  /** @throws Rejected when an answer has no tokens or the bare prompt does not fit; Unavailable. */
  score(request: ScoreRequest, signal: AbortSignal, hint?: Hint): Promise<Scores>
}

export interface Reading {
  readonly text: string
  readonly usage: Usage
  /** Why prompt or answer were cut short, if they were. */
  readonly cut: string | null
  /** Who wrote it, where the port stands for several. */
  readonly identity?: Identity
}

/** The LLM that reads: short greedy answers, and pseudo-passages from the question alone. */
export interface Reader {
  readonly identity: Identity
  /** With the given passages, or none. At most `maxTokens` tokens. */
  answer(
    request: {
      question: string
      passages: readonly Passage[]
      template: PromptTemplate
      passageTokens: number
      maxTokens: number
    },
    signal: AbortSignal,
    hint?: Hint,
  ): Promise<Reading>
  imagine(
    request: { question: string; template: PromptTemplate; maxTokens: number },
    signal: AbortSignal,
    hint?: Hint,
  ): Promise<Reading>
}

/** Texts to vectors of one length. Queries and passages may be treated differently (prefixes). */
export interface Embedder {
  readonly identity: EmbedderIdentity
  embed(texts: readonly string[], as: 'query' | 'passage', signal: AbortSignal, hint?: Hint): Promise<Float32Array[]>
  close(): Promise<void>
}

export interface EmbedderIdentity {
  readonly model: string
  readonly revision: string
  readonly dimension: number
  /** `served`: as a server does it, which it does not say. */
  readonly pooling: 'mean' | 'cls' | 'served'
  readonly normalised: boolean
}

export interface Near {
  readonly passage: Passage
  readonly score: number
}

/** Passages with their vectors. What was acknowledged survives a crash; doing it twice does no harm. */
export interface PassageStore extends PassageSearch {
  readonly name: string
  upsert(rows: readonly PassageRow[], signal: AbortSignal): Promise<void>
  remove(ids: readonly string[], signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export interface PassageRow {
  readonly passage: Passage
  readonly vector: Float32Array
}

export interface PassageSearch {
  /** Best first by inner product; ties by id. Fewer than k where the store holds fewer. */
  near(vector: Float32Array, k: number, signal: AbortSignal): Promise<Near[]>
  /** Best first by BM25 (k1 0.9, b 0.4) over title and text; ties by id. Only passages that share a term. */
  match(text: string, k: number, signal: AbortSignal): Promise<Near[]>
  /** Those of these ids that it holds; undefined where it cannot say. */
  holds?(ids: readonly string[], signal: AbortSignal): Promise<string[] | undefined>
  count(): Promise<number>
}

/** What is kept with a collection, so that nobody searches half of one, or with another encoder's vectors. */
export interface CollectionManifest {
  readonly encoder: EmbedderIdentity
  /** `building`: not to be searched yet. */
  readonly state: 'building' | 'ready'
  /** The file that it was built from, by content, and how many passages that has; null: it grows with the stream. */
  readonly corpus: { readonly sha256: string; readonly count: number } | null
  /** Records of that file which a load has written that goes past the stream: it goes on there. */
  readonly loaded: number
  /** Milliseconds since 1970. */
  readonly made_at: number
}

export interface Collection {
  readonly name: string
  readonly manifest: CollectionManifest
  /** It is the one that searches read. */
  readonly current: boolean
}

/**
 * The collections of one place under one name (an alias). One of them is current, others are built aside or kept to go
 * back to. Names are those of `collectionName` in method/collection.ts: they hold letters, digits and underscores.
 */
export interface Collections {
  /** Where they are, for people. */
  readonly name: string
  /** Oldest first. */
  list(signal: AbortSignal): Promise<Collection[]>
  /** The collection, or undefined where there is none of that name; none given: the current one. */
  find(name: string | undefined, signal: AbortSignal): Promise<Collection | undefined>
  /** How many passages it holds; may take a while. 0 where there is none of that name. */
  count(name: string, signal: AbortSignal): Promise<number>
  /** Makes it with this manifest, or leaves what is there of this name. @throws Fatal where that is another encoder's */
  create(name: string, manifest: CollectionManifest, signal: AbortSignal): Promise<void>
  /** To write to it and to search it, whether it is current or not. @throws Fatal where there is none of that name */
  open(name: string, signal: AbortSignal): Promise<PassageStore>
  /** Changes what is noted of it. */
  note(name: string, change: Partial<CollectionManifest>, signal: AbortSignal): Promise<void>
  /** All is written: what makes searches fast is built, and it is noted as ready. May take hours. */
  seal(name: string, signal: AbortSignal, onProgress?: (done: number, total: number) => void): Promise<void>
  /** From now on searches read it, at once and all of them. @throws Fatal where it is not ready */
  promote(name: string, signal: AbortSignal): Promise<void>
  /** @throws Fatal for the current one */
  drop(name: string, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** Finds candidates for a question. */
export interface Retriever {
  retrieve(question: string, k: number, signal: AbortSignal, hint?: Hint): Promise<Candidate[]>
}

/** What a selector may see: never golds, never has-answer. */
export type Choice = Pick<
  Candidate,
  | 'id'
  | 'title'
  | 'text'
  | 'source'
  | 'rank'
  | 'score'
  | 'dense_rank'
  | 'dense_score'
  | 'sparse_rank'
  | 'sparse_score'
  | 'given_score'
>

/** Higher is better; ties keep retrieval order. */
export interface Selector {
  readonly identity: SelectorIdentity
  /** A best score below it says that no passage is better than any of these; absent: it was not fitted. */
  readonly minScore?: number | undefined
  /** One finite score a choice, in their order. The choices are all candidates of one query: a score may depend on them. */
  score(question: string, choices: readonly Choice[], signal: AbortSignal, hint?: Hint): Promise<number[]>
  close?(): Promise<void>
}
