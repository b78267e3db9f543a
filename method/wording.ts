/** Words of questions and passages, for comparing them: no golds, no language to be told. */

/** Runs of letters, digits and marks; where words are not set apart by blanks, each character. */
const token =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]\p{M}*|[\p{L}\p{N}\p{M}]+/gu

/** What questions and sentences are held together by. English; in other languages nothing is left out. */
const glue = new Set(
  (
    'a an the of in on at by for from to with as and or but not no is are was were be been being am do does did has have ' +
    'had will would can could shall should may might must it its he she they his her their them him this that these ' +
    'those there here what which who whom whose when where why how than then so such into about after before between ' +
    'during s t'
  ).split(' '),
)

/** Inflected forms of a word mostly begin alike; numbers are whole. */
const stemLength = 5
const stem = (word: string): string => (/\p{N}/u.test(word) ? word : word.slice(0, stemLength))

export interface Token {
  /** Lower case, without marks, cut to its first letters. */
  readonly stem: string
  readonly isGlue: boolean
  /** As it is written: begins with a capital, not only because a sentence does. */
  readonly isName: boolean
  /** Digits only. */
  readonly isNumber: boolean
  /** Of the text, from 0. */
  readonly sentence: number
}

const bare = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()

/** A sentence ends where a full stop is followed by blank and no small letter. */
const ending = /[.!?。！？]["')\]]*(?:\s+(?=[^\p{Ll}])|$)|。|！|？|\n/gu

export const tokensOf = (text: string): Token[] => {
  const ends = [...text.matchAll(ending)].map(({ index }) => index)
  const tokens: Token[] = []
  let [sentence, isFirst] = [0, true]
  for (const { 0: written, index } of text.matchAll(token)) {
    while (sentence < ends.length && ends[sentence]! < index) [sentence, isFirst] = [sentence + 1, true]
    const plain = bare(written)
    if (plain === '') continue
    tokens.push({
      stem: stem(plain),
      isGlue: glue.has(plain),
      isName: !isFirst && /^\p{Lu}/u.test(written),
      isNumber: /^\p{N}+$/u.test(plain),
      sentence,
    })
    isFirst = false
  }
  return tokens
}

/** What kind of answer a question asks for, by its words; English. Undefined: no such word. */
export type Asks = 'person' | 'time' | 'number' | 'place' | undefined

export const asks = (question: string): Asks => {
  const text = question.toLowerCase()
  if (/\bhow (many|much|long|old|far|tall|large|high|big)\b|\b(population|percent(age)?)\b/.test(text)) return 'number'
  if (/\bwhen\b|\b(what|which) (year|date|day|month|century|decade)\b|\b(birthday|date of (birth|death))\b/.test(text))
    return 'time'
  if (/\b(who|whom|whose)\b/.test(text)) return 'person'
  if (/\bwhere\b|\b(what|which) (city|country|state|place|town|county)\b/.test(text)) return 'place'
  return undefined
}

const months = new Set('janua febru march april may june july augus septe octob novem decem'.split(' '))

/** Could this word be (a part of) such an answer? */
export const couldAnswer = (kind: Asks, { stem: word, isName, isNumber }: Token): boolean => {
  if (kind === 'number') return isNumber
  if (kind === 'time') return (isNumber && word.length >= 3 && word.length <= 4) || (isName && months.has(word))
  return kind !== undefined && isName
}
