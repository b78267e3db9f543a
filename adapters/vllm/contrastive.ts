/**
 * Exact contrastive figures by the plugin python/gain-logits: the golds' tokens are forced one after the other, and at
 * each step the plugin sets the row given a passage against the kept row without one, over the whole vocabulary.
 */
import type { AnswerScore } from '../../method/ports.ts'
import { Unavailable } from '../../runtime/errors.ts'
import { callsOf, readings, type Call, type Readings } from './calls.ts'
import { carriersFor, figures, maxFigures } from './carriers.ts'
import { Distrusted } from './failures.ts'
import { completed, nameOf, together, type Measure, type Work } from './measuring.ts'
import type { Choice, Server } from './server.ts'

/** `plain` first, then one figure per α. */
type Row = readonly number[]

const requestOf = (
  op: 'store' | 'use',
  { prefix, path, wanted }: Call,
  prompts: readonly (readonly number[])[],
  { base, alphas }: Pick<Work, 'base' | 'alphas'>,
) => {
  const each = op === 'use' ? 1 + alphas.length : 1
  return {
    prompts: prompts.map((prompt) => [...prompt, ...prefix]),
    maxTokens: path.length,
    ignoreEnd: true,
    wanted: carriersFor(Math.max(...wanted.map((some) => some.length)) * each),
    extra: {
      gain_op: op,
      gain_key: nameOf(base),
      ...(prefix.length > 0 && { gain_prefix: prefix }),
      gain_path: path,
      gain_wanted: wanted.flat(),
      gain_counts: wanted.map((some) => some.length),
      ...(op === 'use' && { gain_alphas: alphas }),
    },
  }
}

const checkPath = (choice: Choice, path: readonly number[], server: string) => {
  if (choice.tokens.length === path.length && choice.tokens.every((token, i) => token === path[i])) return
  throw new Distrusted(`${server} did not write the tokens that it was told to: it runs without gain-logits`, {
    endpoint: server,
  })
}

/** Puts down what one prompt's choice says; false when the server did not have the rows to set it against. */
const take = (choice: Choice, { prefix, path, wanted }: Call, each: number, server: string, into: Readings<Row>) => {
  checkPath(choice, path, server)
  for (const [step, tokens] of wanted.entries()) {
    const found = figures(choice, { step, forced: path[step]!, count: tokens.length * each, server })
    if (!found) return false
    const before = [...prefix, ...path.slice(0, step)]
    tokens.forEach((token, i) => into.put(before, token, found.slice(i * each, (i + 1) * each)))
  }
  return true
}

/** How often rows that a server has dropped in between are stored again. */
const patience = 3

const onServer = (server: Server, work: Work) => {
  const each = 1 + work.alphas.length
  const without = readings<Row>()
  const given = work.prompts.map(() => readings<Row>())

  const store = async (call: Call, signal: AbortSignal) => {
    const [choice] = await completed(server, requestOf('store', call, [work.base], work), signal)
    if (!take(choice!, call, 1, server.name, without))
      throw new Distrusted(`${server.name} answered no figures: it runs without gain-logits`, { endpoint: server.name })
  }
  const use = async (call: Call, signal: AbortSignal) => {
    let open = work.prompts.map((_, i) => i)
    for (let tries = 0; open.length > 0; tries++) {
      if (tries > patience)
        throw new Unavailable(
          `${server.name} drops rows as soon as they are stored: give it more room (GAIN_LOGITS_BYTES) or less to do`,
          { endpoint: server.name },
        )
      if (tries > 0) await store(call, signal)
      const choices = await completed(server, requestOf('use', call, open.map((i) => work.prompts[i]!), work), signal) // prettier-ignore
      open = open.filter((prompt, i) => !take(choices[i]!, call, each, server.name, given[prompt]!))
    }
  }
  return { store, use, without, given }
}

const scoreOf = (rows: readonly Row[], alphas: number): AnswerScore => ({
  plain: rows.map((row) => row[0]!),
  contrast: Array.from({ length: alphas }, (_, i) => rows.map((row) => row[i + 1]!)),
})

/** The first call alone: the others then find the prompts in the server's prefix cache. */
export const contrastive: Measure = async (server, work, signal) => {
  const { golds, alphas, prompts } = work
  const asked = alphas.length > 0 ? alphas : [0] // the plugin takes one at least
  const calls = callsOf(golds, Math.floor(maxFigures / (1 + asked.length)))
  const [first, ...others] = calls
  const { store, use, without, given } = onServer(server, { ...work, alphas: asked })
  if (first) await store(first, signal)
  const begin = [
    ...(first && prompts.length > 0 ? [(s: AbortSignal) => use(first, s)] : []),
    async (s: AbortSignal) => void (await together(others, s, store)),
  ]
  await together(begin, signal, (step, s) => step(s))
  if (prompts.length > 0) await together(others, signal, use)
  return {
    base: golds.map((gold) => without.along(gold).map((row) => row[0]!)),
    scores: given.map((found) => golds.map((gold) => scoreOf(found.along(gold), alphas.length))),
  }
}
