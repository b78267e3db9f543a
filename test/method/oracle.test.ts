import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { grade, hasAnswer, normalise, type Grades } from '../../method/index.ts'

interface Case {
  readonly prediction: string
  readonly golds: readonly string[]
  readonly lang: string
}

interface Result {
  readonly normalised: readonly string[]
  readonly grades: Grades | null
  readonly has_answer: boolean
}

const traps = [
  ...['the', 'a', 'an', 'The', 'AN', 'theory', 'a1', 'é', 'e\u0301', 'a\u0301n', 'äthe', 'theé', 'a_b', '_', 'ana'],
  ...['Paris', 'paris', 'PARIS', 'U.S.', 'us', 'New York', 'no', 'know', 'No.', '1,000', '1000', '½', 'Ⅳ', '٣', '²'],
  ...['ΟΔΥΣΣΕΥΣ', 'Σ', 'İstanbul', 'Straße', 'STRASSE', 'Ǆ', 'K', 'ﬁ', '№', '€5', 'C++', '“quoted”', '—', '…', '¿qué?'],
  ...[
    '東京',
    '東京都',
    'が',
    'か\u3099',
    'カ',
    '。',
    '北京',
    'กรุงเทพ',
    'กำ',
    'ที่',
    '한국',
    'हिन्दी',
    'مَدرسة',
    '🙂',
    '👩‍👩‍👧',
    '🇫🇷',
  ],
  ...[
    '\u00ad',
    '\u200b',
    '\u0301',
    '\u0000',
    "'s",
    '-',
    '!!!',
    '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
    '=',
    '≠',
    '<unk>',
    '$&',
    '\\b',
    'constructor',
    '__proto__',
  ],
]
const blanks = [' ', '  ', '', '\t', '\n', '\r\n', '\u001c', '\u001f', '\u0085', '\u00a0', '\u2003', '\u2028', '\u3000']
const glue = fc.constantFrom(...blanks, ' ', ' ', ' ', ' ', ' ', '\ufeff', '\u180e', '.', ', ', '-')

/** Any character at all, but those that this machine's Unicode tables do not know. */
const anything = fc.string({ unit: 'binary', maxLength: 4 }).map((text) => text.replace(/\p{Cn}/gu, ''))

const piece = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...traps) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 6 }) },
  { weight: 1, arbitrary: anything },
)
const phrase = fc
  .array(fc.tuple(piece, glue), { maxLength: 6 })
  .map((parts) => parts.map(([text, blank]) => text + blank).join(''))

/** Often the gold itself, in other clothes, somewhere in the prediction. */
const dressed = fc.constantFrom<(gold: string) => string>(
  (gold) => gold,
  (gold) => gold.toUpperCase(),
  (gold) => `the ${gold}.`,
  (gold) => gold.normalize('NFD'),
  (gold) => [...gold].reverse().join(''),
  (gold) => `${gold}s`,
  () => '',
)
const lang = fc.constantFrom('en', 'en', 'en', 'en-GB', 'de', 'zh', 'ja-JP', 'th', '')
const cases = fc
  .tuple(fc.array(phrase, { maxLength: 4 }), phrase, phrase, dressed, lang)
  .map(([golds, before, after, dress, lang]): Case => ({
    prediction: `${before} ${dress(golds[0] ?? '')} ${after}`.slice(before.length % 3 === 0 ? before.length : 0),
    golds,
    lang,
  }))

const number = 4000
const generated = fc.sample(cases, { numRuns: number, seed: 20250518 })
const python = spawnSync('python3', ['--version'])
const reason = python.status === 0 ? '' : ' (SKIPPED: there is no python3 on this machine)'
if (reason !== '') console.warn(`The graders were not compared with their oracle${reason}.`)

const ask = (asked: readonly Case[]): (Result | null)[] => {
  const script = fileURLToPath(new URL('oracle.py', import.meta.url))
  const answer = spawnSync('python3', [script], { input: JSON.stringify(asked), maxBuffer: 1e9 })
  if (answer.status !== 0) throw new Error(`the oracle failed: ${answer.stderr.toString()}`)
  return JSON.parse(answer.stdout.toString()) as (Result | null)[]
}

const ours = ({ prediction, golds, lang }: Case): Result => ({
  normalised: [prediction, ...golds].map((text) => normalise(text, lang)),
  grades: grade(prediction, golds, lang),
  has_answer: hasAnswer(prediction, golds, lang),
})

const differs = (a: Result, b: Result): boolean => {
  const numbers = ({ grades }: Result) => (grades ? Object.entries(grades).sort() : [])
  const far = numbers(a).some(([, value], i) => !(Math.abs(value - (numbers(b)[i]?.[1] ?? NaN)) <= 1e-12))
  return far || JSON.stringify([a.normalised, a.has_answer]) !== JSON.stringify([b.normalised, b.has_answer])
}

/** Characters younger than either side's Unicode tables cannot be compared. */
const unknown = ({ prediction, golds }: Case): boolean => /\p{Cn}/u.test(prediction + golds.join(''))

describe.skipIf(reason !== '')(`the graders and a Python implementation of the same rules${reason}`, () => {
  const compared = generated.filter((one) => !unknown(one))
  const expected = reason === '' ? ask(compared) : []
  const pairs = compared.flatMap((one, i) => (expected[i] ? [{ one, theirs: expected[i], own: ours(one) }] : []))

  test('give the same strings, the same matches and the same grades to 1e-12 in every generated case', () => {
    console.info(`graders: ${pairs.length} of ${number} generated cases compared with the oracle`)
    expect(pairs.length).toBeGreaterThanOrEqual(3000)
    expect(pairs.filter(({ own, theirs }) => differs(own, theirs))).toEqual([])
  })

  test('were compared on cases of every kind, matches and misses', () => {
    const share = (holds: (result: Result) => boolean) => pairs.filter(({ own }) => holds(own)).length / pairs.length
    const shares = {
      strict: share(({ grades }) => grades?.strict_em === 1),
      boundary: share(({ grades }) => grades?.boundary_em === 1),
      onlyContained: share(({ grades }) => grades?.containment_em === 1 && grades.boundary_em === 0),
      partly: share(({ grades }) => grades !== null && grades.f1 > 0 && grades.f1 < 1),
      hasAnswer: share(({ has_answer }) => has_answer),
      ungraded: share(({ grades }) => grades === null),
    }
    for (const [name, value] of Object.entries(shares)) {
      expect(value, name).toBeGreaterThan(0.01)
      expect(value, name).toBeLessThan(0.9)
    }
  })
})
