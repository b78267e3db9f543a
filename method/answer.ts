/** Does a passage hold an answer? DPR's token match. */
import { isUnspaced } from './normalise.ts'

/** Runs of letters, digits and marks, or any other single symbol; blanks and control characters belong to no token. */
const words = /[\p{L}\p{N}\p{M}]+|[^\p{Z}\p{C}]/gu

/** Symbols with their marks: canonical decomposition must not let one letter match a part of another. */
const characters = /[^\p{Z}\p{C}\p{M}]\p{M}*|\p{M}+/gu

/** Tokens in lower case between blanks, one in front and one behind; undefined for no token at all. */
const runOf = (text: string, lang: string): string | undefined => {
  const tokens = text.normalize('NFD').match(isUnspaced(lang) ? characters : words)
  return tokens ? ` ${tokens.map((token) => token.toLowerCase()).join(' ')} ` : undefined
}

/** Reads the golds once, for many passages. A gold without tokens matches nothing. */
export const answerMatcher = (golds: readonly string[], lang = 'en'): ((text: string) => boolean) => {
  const runs = golds.flatMap((gold) => runOf(gold, lang) ?? [])
  return (text) => {
    const run = runOf(text, lang)
    return run !== undefined && runs.some((gold) => run.includes(gold))
  }
}

/** True where the tokens of some gold stand one after the other in the text (a passage's text, not its title). */
export const hasAnswer = (text: string, golds: readonly string[], lang = 'en'): boolean =>
  answerMatcher(golds, lang)(text)
