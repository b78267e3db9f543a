/** A text's terms for lexical matching: lower case, without marks (é = e), runs of letters and digits. */

/** Scripts without blanks between words: each of their characters is a term. */
const blankless =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}'
const anyScript = new RegExp(`[${blankless}]|(?:(?![${blankless}])[\\p{L}\\p{N}])+`, 'gu')
const ascii = /[a-z0-9]+/g
const beyondAscii = /\P{ASCII}/u

export const termsOf = (text: string): string[] => {
  const lower = text.toLowerCase()
  return (
    (beyondAscii.test(lower)
      ? lower
          .normalize('NFKD')
          .replace(/\p{M}+/gu, '')
          .match(anyScript)
      : lower.match(ascii)) ?? []
  )
}
