/** Normalisation of answers, as SQuAD's evaluation does it and most of the field after it. */

/** The 32 ASCII punctuation characters: dropped, not replaced by blanks. */
const punctuation = /[!-/:-@[-`{-~]/g

/** `\b` knows ASCII words only, even with the `u` flag; what is asked for is "not next to a letter, digit or `_`". */
const articles = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu

/** U+001C–1F and U+0085: blanks to Python's `str.split()`, not to `\s`; for U+FEFF it is the other way round. */
const separators = String.fromCharCode(0x1c, 0x1d, 0x1e, 0x1f, 0x85)
const blanks = new RegExp(`[[\\s${separators}]--\\uFEFF]+`, 'gv')

/** The language itself of a tag such as `en-GB` or `zh_Hant`. */
const primary = (lang: string): string => lang.toLowerCase().split(/[-_]/, 1)[0] ?? ''

/** Languages that are written without blanks between words (ISO 639). */
const unspacedLanguages = new Set([
  'zh',
  'cmn',
  'yue',
  'wuu',
  'nan',
  'hak',
  'lzh',
  'ja',
  'th',
  'lo',
  'km',
  'my',
  'bo',
  'dz',
])

/** True where words cannot be told apart by blanks: F1, runs of words and has-answer then work on characters. */
export const isUnspaced = (lang: string): boolean => unspacedLanguages.has(primary(lang))

/** Lower case → no ASCII punctuation → no articles (English only) → single blanks. May be empty. */
export const normalise = (text: string, lang = 'en'): string => {
  const bare = text.toLowerCase().replace(punctuation, '')
  const content = primary(lang) === 'en' ? bare.replace(articles, ' ') : bare
  return content.replace(blanks, ' ').replace(/^ | $/g, '')
}

/** A character as readers see it: a symbol with the marks that belong to it. */
const characters = /[^\p{M} ]\p{M}*|\p{M}+/gu

/** The words of a normalised text, or its characters where the language has no blanks between words. */
export const wordsOf = (normalised: string, lang = 'en'): string[] =>
  isUnspaced(lang) ? (normalised.match(characters) ?? []) : normalised === '' ? [] : normalised.split(' ')
