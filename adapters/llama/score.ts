/**
 * The scorer: what the reader thinks of every gold's tokens, with and without each passage.
 *
 * The prompt without a passage is evaluated first, and its rows are kept while the query is worked on. Then the
 * passages spread over the sequences; each evaluates its prompt once, and every further gold goes back to its end.
 */
import type { AnswerScore, PassageScore, ScoreRequest, Scorer, Scores } from '../../method/ports.ts'
import { Rejected } from '../../runtime/errors.ts'
import type { Identity } from '../../schemas/identity.ts'
import type { ScoreCache, ScoreKey } from './cache.ts'
import { treeOf, type Node, type Tree } from './golds.ts'
import { misfit, type Prompts } from './prompts.ts'
import type { BaseRow, Contrasted, Rows } from './rows.ts'
import type { Slot, Slots, Want } from './slots.ts'

export interface ScorerParts {
  readonly identity: Identity
  readonly prompts: Prompts
  readonly slots: Slots
  readonly rows: Rows
  readonly cache: ScoreCache
  /** Runs a query when there is room for its rows. */
  admit<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
}

/** A request as token ids. */
interface Plan {
  readonly base: readonly number[]
  readonly golds: readonly (readonly number[])[]
  readonly passages: readonly ({ readonly prompt: readonly number[]; readonly cut: number } | { unscored: string })[]
}

const planOf = (prompts: Prompts, request: ScoreRequest): Plan => {
  const { template, question } = request
  if (request.answers.length === 0) throw new Rejected('there is no answer to score')
  const golds = request.answers.map((answer) => prompts.answer(answer))
  const longest = Math.max(...golds.map((gold) => gold.length))
  const base = prompts.prompt(template, question, [])
  const tooLong = misfit('the prompt without a passage', base.length, longest, prompts.contextSize)
  if (tooLong) throw new Rejected(tooLong)
  const passages = request.passages.map((whole) => {
    const { passage, cut } = prompts.cut(template, whole, request.passageTokens)
    const prompt = prompts.prompt(template, question, [passage])
    const unscored = misfit('the prompt', prompt.length, longest, prompts.contextSize)
    return unscored ? { unscored } : { prompt, cut }
  })
  return { base, golds, passages }
}

/** Evaluates a prompt with every gold after it; each node of the golds' tree is read once. Returns tokens evaluated. */
const walk = async (
  slot: Slot,
  prompt: readonly number[],
  tree: Tree,
  read: (node: Node, row: number) => Promise<void>,
  signal: AbortSignal,
): Promise<number> => {
  const unread = new Set(tree.nodes)
  let evaluated = 0
  for (const { tokens, nodes } of tree.paths) {
    const wants: Want[] = nodes
      .filter((node) => unread.delete(node))
      .map((node) => ({
        position: prompt.length - 1 + node.before.length,
        order: tree.nodes.indexOf(node),
        read: (row) => read(node, row),
      }))
    if (wants.length > 0) evaluated += await slot.evaluate([...prompt, ...tokens.slice(0, -1)], wants, signal)
  }
  return evaluated
}

const holding = async <T>(
  slots: Slots,
  tokens: readonly number[],
  signal: AbortSignal,
  work: (slot: Slot) => Promise<T>,
): Promise<T> => {
  const slot = await slots.acquire(tokens, signal)
  try {
    return await work(slot)
  } finally {
    slot.release()
  }
}

/** Ends with the first failure, after all have ended: nothing of this query is evaluated any more. */
const all = async <T>(work: readonly Promise<T>[]): Promise<T[]> => {
  const settled = await Promise.allSettled(work)
  const failed = settled.find((outcome) => outcome.status === 'rejected')
  if (failed) throw failed.reason
  return settled.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
}

/** Along a gold's tokens, what each node's row says of the token that follows. */
const along = <T>(tree: Tree, gold: readonly number[], at: (node: Node, token: number) => T): T[] => {
  const path = tree.paths.find(({ tokens }) => tokens.length === gold.length && tokens.every((t, i) => t === gold[i]))
  return gold.map((token, i) => at(path!.nodes[i]!, token))
}

const scoreOf = (tree: Tree, gold: readonly number[], read: Map<Node, Contrasted>, alphas: number): AnswerScore => ({
  plain: along(tree, gold, (node, token) => read.get(node)!.plain.get(token)!),
  contrast: Array.from({ length: alphas }, (_, i) =>
    along(tree, gold, (node, token) => read.get(node)!.contrast[i]!.get(token)!),
  ),
})

export const openScorer = ({ identity, prompts, slots, rows, cache, admit }: ScorerParts): Scorer => {
  /** Rows without a passage, for the golds that are not all known. */
  const baseRows = async (plan: Plan, tree: Tree, signal: AbortSignal) => {
    const found = new Map<Node, BaseRow>()
    const read = async (node: Node, row: number) => void found.set(node, await rows.base(row))
    const evaluated = await holding(slots, plan.base, signal, (slot) => walk(slot, plan.base, tree, read, signal))
    return { found, evaluated }
  }

  const passageRows = async (
    prompt: readonly number[],
    tree: Tree,
    base: Map<Node, BaseRow>,
    alphas: readonly number[],
    signal: AbortSignal,
  ) => {
    const found = new Map<Node, Contrasted>()
    const read = async (node: Node, row: number) =>
      void found.set(node, await rows.contrasted(row, node.next, base.get(node)!, alphas))
    const evaluated = await holding(slots, prompt, signal, (slot) => walk(slot, prompt, tree, read, signal))
    return { found, evaluated }
  }

  /** What the cache has of a prompt: one score per gold, undefined where it has none. */
  const known = (plan: Plan, prompt: readonly number[], alphas: readonly number[]) =>
    plan.golds.map((answer) => cache.get({ prompt, base: plan.base, answer, alphas }))

  const measure = async (plan: Plan, alphas: readonly number[], signal: AbortSignal): Promise<Scores> => {
    const started = performance.now()
    const baseKnown = known(plan, plan.base, [])
    const scored = plan.passages.map((passage) =>
      'unscored' in passage ? { passage } : { passage, known: known(plan, passage.prompt, alphas) },
    )
    const isMissing = (i: number) => scored.some(({ known: k }) => k && !k[i]) || !baseKnown[i]
    const missing = plan.golds.filter((_, i) => isMissing(i))
    const tree = treeOf(missing)
    const { found: base, evaluated: first } =
      missing.length > 0 ? await baseRows(plan, tree, signal) : { found: new Map<Node, BaseRow>(), evaluated: 0 }
    let [evaluated, hits] = [first, 0]

    const fresh: [ScoreKey, AnswerScore][] = []
    const scorePassage = async ({ passage, known: cached }: (typeof scored)[number]): Promise<PassageScore> => {
      if ('unscored' in passage) return passage
      const open = plan.golds.filter((_, i) => !cached?.[i])
      hits += plan.golds.length - open.length
      // A subset of the tree's golds: its own tree, over the same rows.
      const own = open.length === missing.length ? tree : subtree(tree, open)
      const read =
        open.length > 0
          ? await passageRows(passage.prompt, own, base, alphas, signal)
          : { found: new Map(), evaluated: 0 }
      evaluated += read.evaluated
      const answers = plan.golds.map((gold, i) => {
        const score = cached?.[i] ?? scoreOf(own, gold, read.found, alphas.length)
        if (!cached?.[i]) fresh.push([{ prompt: passage.prompt, base: plan.base, answer: gold, alphas }, score])
        return score
      })
      return { cut: passage.cut, answers }
    }

    const passages = await all(scored.map(scorePassage))
    const baseScores = plan.golds.map((gold, i) => {
      const score = baseKnown[i]?.plain ?? along(tree, gold, (node, token) => logprob(base.get(node)!, token))
      if (!baseKnown[i])
        fresh.push([
          { prompt: plan.base, base: plan.base, answer: gold, alphas: [] },
          { plain: score, contrast: [] },
        ])
      return score
    })
    hits += baseKnown.filter((score) => score !== undefined).length
    cache.put(fresh)
    const tokens = fresh.reduce((sum, [{ answer }]) => sum + answer.length, 0)
    return {
      base: baseScores,
      passages,
      usage: {
        calls: evaluated > 0 ? 1 : 0,
        prompt_tokens: evaluated,
        output_tokens: tokens,
        cache_hits: hits,
        seconds: (performance.now() - started) / 1e3,
      },
    }
  }

  return {
    identity,
    exact: true,
    score: async (request, signal) => {
      signal.throwIfAborted()
      const plan = planOf(prompts, request)
      return admit(() => measure(plan, request.alphas, signal), signal)
    },
  }
}

const logprob = ({ logits, normaliser }: BaseRow, token: number) => Math.min(0, logits[token]! - normaliser)

/** The tree of some of a tree's golds, with the same nodes, so that rows kept per node serve both. */
const subtree = (tree: Tree, golds: readonly (readonly number[])[]): Tree => {
  const kept = new Set(golds.map((gold) => gold.join(' ')))
  const paths = tree.paths.filter(({ tokens }) => kept.has(tokens.join(' ')))
  const used = new Set(paths.flatMap(({ nodes }) => nodes))
  return { paths, nodes: tree.nodes.filter((node) => used.has(node)) }
}
