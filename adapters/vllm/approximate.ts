/**
 * Contrastive figures of a server that nobody may change, approximately: the gold's own log-probabilities are exact, the
 * normaliser of the contrast runs over the likeliest tokens of both rows and one term for all others.
 */
import { readings } from './calls.ts'
import { together, type Measure } from './measuring.ts'
import { inOrder, looksOf, rowsAt, type Look } from './plain.ts'

/** Fewer of the likeliest tokens err by too much. */
export const fewest = 100

type Row = ReadonlyMap<number, number>

const logSumExp = (values: readonly number[]): number => {
  const highest = Math.max(...values)
  return highest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - highest), 0))
}

/** ln of what each token that a row does not name has of the rest, on average. */
const tailOf = (row: Row, vocabulary: number): number => {
  const named = [...row.values()].reduce((sum, value) => sum + Math.exp(value), 0)
  return Math.log(Math.max(1e-12, 1 - named) / Math.max(1, vocabulary - row.size))
}

/**
 * ln of the contrast's sum over the vocabulary: Σ exp((1+α) z − α b), where z and b are the rows' log-probabilities,
 * known for the likeliest tokens and spread evenly over the others.
 */
export const approximateNormaliser = (given: Row, base: Row, alpha: number, vocabulary: number): number => {
  const [z, b] = [tailOf(given, vocabulary), tailOf(base, vocabulary)]
  const named = new Set([...given.keys(), ...base.keys()])
  const contrast = (token: number) => (1 + alpha) * (given.get(token) ?? z) - alpha * (base.get(token) ?? b)
  const others = Math.max(0, vocabulary - named.size)
  const rest = others > 0 ? [Math.log(others) + (1 + alpha) * z - alpha * b] : []
  return logSumExp([...[...named].map(contrast), ...rest])
}

interface Both {
  readonly token: Row
  readonly likeliest: Row
}

const scoreAt = (
  { token: given, likeliest }: Both,
  base: Both,
  token: number,
  alphas: readonly number[],
  vocabulary: number,
) => {
  const [z, b] = [given.get(token)!, base.token.get(token)!]
  const contrast = alphas.map((alpha) => {
    if (alpha === 0) return Math.min(0, z)
    const [some, others] = [new Map([...likeliest, [token, z]]), new Map([...base.likeliest, [token, b]])]
    return Math.min(0, (1 + alpha) * z - alpha * b - approximateNormaliser(some, others, alpha, vocabulary))
  })
  return { plain: Math.min(0, z), contrast }
}

/** @param vocabulary tokens that the server's rows have */
export const approximate =
  (vocabulary: number): Measure =>
  async (server, { base, golds, prompts, alphas }, signal) => {
    const all = [base, ...prompts]
    const found = all.map(() => readings<ReturnType<typeof scoreAt>>())
    await inOrder(looksOf(golds), signal, async (look: Look, s) => {
      const asked = [() => ({ wanted: look.tokens }), () => ({ likeliest: fewest })]
      const [tokens, likeliest] = await together(asked, s, (asking, s2) => rowsAt(server, all, look, asking, s2))
      const rows = all.map((_, i): Both => ({ token: tokens![i]!, likeliest: likeliest![i]! }))
      rows.forEach((row, i) => {
        for (const token of look.tokens)
          found[i]!.put(look.before, token, scoreAt(row, rows[0]!, token, alphas, vocabulary))
      })
    })
    const [without, ...given] = found
    return {
      base: golds.map((gold) => without!.along(gold).map((score) => score.plain)),
      scores: given.map((one) =>
        golds.map((gold) => {
          const scores = one.along(gold)
          return {
            plain: scores.map((score) => score.plain),
            contrast: alphas.map((_, i) => scores.map((score) => score.contrast[i]!)),
          }
        }),
      ),
    }
  }
