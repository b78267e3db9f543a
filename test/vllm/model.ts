/**
 * The simulated server's language model, as pure functions: a test computes from them what the server must answer.
 *
 * 512 tokens: three specials, the 256 bytes, and 253 that stand for nothing. What comes next is pseudo-random in the
 * seed and in all tokens before; one token is far ahead, so that greedy text is short words that end.
 */
export const vocabulary = 512
export const specials = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'] as const
/** Ends a turn. */
export const endToken = 2
const firstByte = specials.length
const newline = firstByte + 10

const spelt = new RegExp(`(${specials.map((special) => special.replaceAll('|', '\\|')).join('|')})`)

/** A token a byte; a special token where one is spelt out, as the real server's tokenizer has it. */
export const tokenized = (text: string): number[] =>
  text.split(spelt).flatMap((part) => {
    const special = (specials as readonly string[]).indexOf(part)
    return special >= 0 ? [special] : Array.from(Buffer.from(part), (byte) => firstByte + byte)
  })

const bytesOf = (token: number): Buffer =>
  token < firstByte
    ? Buffer.from(specials[token] ?? '')
    : Buffer.from(token < firstByte + 256 ? [token - firstByte] : [])

/** Half a character becomes U+FFFD; tokens that stand for nothing, or are outside the vocabulary, leave nothing. */
export const detokenized = (tokens: readonly number[]): string => Buffer.concat(tokens.map(bytesOf)).toString('utf8')

/** A conversation as the chat template writes it. */
export const conversation = (messages: readonly { role: string; content: string }[], answering: boolean): string =>
  messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('') +
  (answering ? '<|im_start|>assistant\n' : '')

/** Finalizer of MurmurHash3: every bit of the input moves about half of the output's. */
const mixed = (bits: number): number => {
  const once = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35)
  return (twice ^ (twice >>> 16)) >>> 0
}

const step = 0x9e3779b1
export const hashOf = (seed: number, tokens: readonly number[]): number =>
  tokens.reduce((hash, token) => mixed(hash ^ Math.imul(token + 1, step)), mixed(seed + 1))

/** A letter, now and then a space, and the end of the turn about every eighth time, but never at once. */
const likeliest = (hash: number, last: number | undefined): number => {
  if (hash % 8 === 0 && last !== undefined && last !== newline) return endToken
  return firstByte + (hash % 8 === 1 ? 32 : 97 + (hash % 26))
}

/** ln p of every token as the next one, as 32-bit floats: what the plugin keeps. */
export const rowAfter = (seed: number, tokens: readonly number[]): Float32Array => {
  const hash = hashOf(seed, tokens)
  const scores = Float64Array.from({ length: vocabulary }, (_, t) => 8 * (mixed(hash + Math.imul(t, step)) / 2 ** 32))
  scores[likeliest(hash, tokens.at(-1))] = 12
  return Float32Array.from(normalised(scores))
}

/** ln softmax. */
const normalised = (scores: Float64Array): Float64Array => {
  const highest = Math.max(...scores)
  const normaliser = highest + Math.log(scores.reduce((sum, z) => sum + Math.exp(z - highest), 0))
  return scores.map((z) => z - normaliser)
}

/** (1 + α)·row − α·base, normalised over the vocabulary. */
export const contrasted = (row: Float32Array, base: Float32Array, alpha: number): Float64Array =>
  normalised(Float64Array.from(row, (z, t) => (1 + alpha) * z - alpha * base[t]!))

/** row − base, normalised over the vocabulary. */
export const differing = (row: Float32Array, base: Float32Array): Float64Array =>
  normalised(Float64Array.from(row, (z, t) => z - base[t]!))

/** The likeliest first; ties by token. */
export const ranked = (row: Float32Array): number[] => Array.from(row.keys()).sort((a, b) => row[b]! - row[a]! || a - b)

/** Greedy text as token ids, the end of the turn included where it came; `onwards` writes on after it. */
export const written = (seed: number, prompt: readonly number[], most: number, onwards = false): number[] => {
  const tokens = [...prompt]
  while (tokens.length - prompt.length < most) {
    const next = ranked(rowAfter(seed, tokens))[0]!
    tokens.push(next)
    if (next === endToken && !onwards) break
  }
  return tokens.slice(prompt.length)
}
