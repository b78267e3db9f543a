/**
 * Reading rows of logits, whole or through samplers.
 *
 * A sampler answers with chosen logits, the highest one and Σ exp(z − highest) in a millisecond; a whole row takes ten
 * times that. Two things are asked of samplers that they were not made for. The contrast (1 + α)·z − α·b is
 * (1 + α)·(z − α/(1 + α)·b): a bias per token, then a temperature of 1/(1 + α). And their sum runs in 32 bits over the
 * whole vocabulary, where tens of thousands of unlikely tokens vanish beside a few likely ones (measured: 2e-4 nats),
 * so each band of tokens of similar likelihood is summed on its own, with the others at −∞ (measured: below 7e-5, and
 * usually 1e-6).
 */
import type { Addon, AddonSampler, Logits } from './addon.ts'

/** ln p of the band limits, by the row without a passage. */
const limits = [Math.log(1e-4), Math.log(1e-6)]

/** ln Σ exp(x). */
export const logSumExp = (row: ArrayLike<number>): number => {
  let highest = -Infinity
  for (let i = 0; i < row.length; i++) if (row[i]! > highest) highest = row[i]!
  if (highest === -Infinity) return highest
  let sum = 0
  for (let i = 0; i < row.length; i++) sum += Math.exp(row[i]! - highest)
  return highest + Math.log(sum)
}

/** A row without a passage: its logits, and which band each token is in. */
export interface BaseRow {
  readonly logits: Float32Array
  /** ln Σ exp(logit): a token's log-probability is its logit minus this. */
  readonly normaliser: number
  readonly bands: Uint8Array
}

/** ln p of some tokens with a passage, and their contrast with the row without one, per α. */
export interface Contrasted {
  readonly plain: ReadonlyMap<number, number>
  readonly contrast: readonly ReadonlyMap<number, number>[]
}

export interface Rows {
  /** The likeliest token. */
  likeliest(row: number): Promise<number>
  /** The whole row. */
  base(row: number): Promise<BaseRow>
  contrasted(row: number, tokens: readonly number[], base: BaseRow, alphas: readonly number[]): Promise<Contrasted>
  close(): void
}

const bandsOf = (logits: Float32Array, normaliser: number): Uint8Array =>
  Uint8Array.from(logits, (z) => limits.filter((limit) => z - normaliser < limit).length)

/** What one band says: the tokens' logits as the sampler sees them, the highest logit, and Σ exp(z − highest). */
interface Band {
  readonly logits: ReadonlyMap<number, number>
  readonly highest: number
  readonly weight: number
}

/** Samplers of one band: the highest by a greedy one, the sum by one with a temperature. */
interface Pair {
  readonly greedy: AddonSampler
  readonly warm: AddonSampler
}

const pairs = ([...tokens]: readonly number[]): Logits => [tokens, false, false, true, 0]

const mapOf = (flat: readonly number[]): Map<number, number> =>
  new Map(flat.flatMap((token, i) => (i % 2 === 0 ? [[token, flat[i + 1]!]] : [])))

export const openRows = (addon: Addon): Rows => {
  const { context, vocabulary } = addon
  const everyToken = Uint32Array.from({ length: vocabulary }, (_, token) => token)
  const greedy = addon.sampler()
  greedy.applyConfig({ temperature: 0 })
  const bands: Pair[] = Array.from({ length: limits.length + 1 }, () => ({
    greedy: addon.sampler(),
    warm: addon.sampler(),
  }))
  let prepared: { base: BaseRow; alpha: number } | undefined

  /** Readies the bands for rows that contrast with `base`; nothing to do for the next row of the same kind. */
  const prepare = (base: BaseRow, alpha: number): void => {
    if (prepared?.base === base && prepared.alpha === alpha) return
    const share = alpha / (1 + alpha)
    for (const [band, pair] of bands.entries()) {
      const biases = base.logits.map((z, token) => (base.bands[token] === band ? -share * z : -Infinity))
      const config = { tokenBiasKeys: everyToken, tokenBiasValues: biases }
      pair.greedy.applyConfig({ temperature: 0, ...config })
      if (alpha > 0) pair.warm.applyConfig({ temperature: 1 / (1 + alpha), seed: 1, ...config })
    }
    prepared = { base, alpha }
  }

  const readBand = async (row: number, tokens: readonly number[], pair: Pair, alpha: number): Promise<Band> => {
    const [cold, warm] = await Promise.all([
      context.sampleToken(row, pair.greedy, false, false, pairs(tokens), alpha === 0),
      alpha === 0 ? undefined : context.sampleToken(row, pair.warm, false, false, false, true),
    ])
    const logits = mapOf(cold[3] ?? [])
    return { logits, highest: logits.get(cold[0]) ?? -Infinity, weight: (warm ?? cold)[4] ?? 0 }
  }

  /** ln p of the tokens under the contrast; α = 0 is the plain row. */
  const logprobs = async (row: number, tokens: readonly number[], base: BaseRow, alpha: number) => {
    prepare(base, alpha)
    const read = await Promise.all(bands.map((pair) => readBand(row, tokens, pair, alpha)))
    const seen = read.filter(({ highest }) => highest > -Infinity)
    const normaliser = logSumExp(seen.map(({ highest, weight }) => (1 + alpha) * highest + Math.log(weight)))
    const logit = (token: number) => Math.max(...seen.map(({ logits }) => logits.get(token) ?? -Infinity))
    return new Map(tokens.map((token) => [token, Math.min(0, (1 + alpha) * logit(token) - normaliser)]))
  }

  return {
    likeliest: (row) => context.sampleToken(row, greedy),
    base: async (row) => {
      const flat = (await context.sampleToken(row, greedy, false, false, true, false))[3] ?? []
      const logits = new Float32Array(vocabulary)
      for (let i = 0; i < flat.length; i += 2) logits[flat[i]!] = flat[i + 1]!
      const normaliser = logSumExp(logits)
      return { logits, normaliser, bands: bandsOf(logits, normaliser) }
    },
    contrasted: async (row, tokens, base, alphas) => {
      const plain = await logprobs(row, tokens, base, 0)
      const contrast: ReadonlyMap<number, number>[] = []
      for (const alpha of alphas) contrast.push(alpha === 0 ? plain : await logprobs(row, tokens, base, alpha))
      return { plain, contrast }
    },
    close: () => [greedy, ...bands.flatMap((pair) => [pair.greedy, pair.warm])].forEach((sampler) => sampler.dispose()),
  }
}
