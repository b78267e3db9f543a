import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { answerable, grade, hasAnswer, isUnspaced, normalise, wordsOf } from '../../method/index.ts'

describe('normalising', () => {
  test.each<[string, string, string, string?]>([
    ['drops case, punctuation, articles and blanks', ' The  "Quick" Fox, an A-Team! ', 'quick fox ateam'],
    ['puts nothing in the place of punctuation', 'U.S.-based', 'usbased'],
    ['knows all 32 ASCII punctuation characters', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', ''],
    ['keeps other punctuation', '“yes” – ¿no?', '“yes” – ¿no'],
    ['takes é and ß for letters: no article beside them', 'éa theß äan', 'éa theß äan'],
    ['takes digits of any script for letters', 'a1 ٣an the½', 'a1 ٣an the½'],
    ['finds articles beside symbols', '“the” a€', '“ ” €'],
    ['splits at U+001C–1F and U+0085', 'x\u001cy\u001dz\u001e\u001fa\u0085w', 'x y z w'],
    ['splits at blanks of other scripts', 'x\u00a0y\u2003z\u3000w\u1680v', 'x y z w v'],
    ['does not split at U+FEFF, U+200B and U+180E', 'x\ufeffy\u200bz\u180ew', 'x\ufeffy\u200bz\u180ew'],
    ['lowers a final sigma as Greek does', 'ΟΔΟΣ', 'οδος'],
    ['keeps articles in other languages', 'the a an', 'the a an', 'de'],
    ['drops articles in every English', 'the a an x', 'x', 'en-GB'],
    ['leaves nothing of articles alone', 'The a AN', ''],
    ['leaves nothing of nothing', '', ''],
  ])('%s', (_, text, expected, lang = 'en') => expect(normalise(text, lang)).toBe(expected))

  test('once more changes nothing where no article appears by dropping punctuation', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const once = normalise(text, 'de')
        expect(normalise(once, 'de')).toBe(once)
      }),
    )
  })

  test('tells languages without blanks by their tags', () => {
    expect(['zh', 'zh-Hant', 'ja_JP', 'TH', 'my'].every(isUnspaced)).toBe(true)
    expect(['en', 'ko', 'de', '', 'zhx', 'vi'].some(isUnspaced)).toBe(false)
  })

  test('takes a symbol with its marks for one character where there are no blanks', () => {
    expect(wordsOf('ที่ กำ x', 'th')).toEqual(['ที่', 'ก', 'ำ', 'x'])
    expect(wordsOf('', 'th')).toEqual([])
    expect(wordsOf('', 'en')).toEqual([])
  })
})

describe('a grade', () => {
  test.each<[string, string, string[], [number, number, number, number], string?]>([
    ['is full for an equal answer', 'The Beatles!', ['beatles'], [1, 1, 1, 1]],
    ['by boundaries takes a gold inside a sentence', 'It was Oslo, in 1952.', ['Oslo'], [0, 1, 1, 1 / 3]],
    ['by containment takes "no" in "I do not know"', 'I do not know', ['no'], [0, 0, 1, 0]],
    [
      'is the maximum over the golds, each for itself',
      'new york city',
      ['york city hall', 'New York City'],
      [1, 1, 1, 1],
    ],
    ['by boundaries wants the words in one run', 'new big york', ['new york'], [0, 0, 0, 0.8]],
    ['counts a repeated word as often as both have it', 'a b b b', ['b b c'], [0, 0, 0, 2 / 3]],
    ['is nothing for a gold that normalises to nothing', 'The', ['the', '!!!', ''], [0, 0, 0, 0]],
    ['is nothing for an empty prediction', '', ['x'], [0, 0, 0, 0]],
    ['passes over a gold of nothing beside a real one', 'oslo', ['the', 'oslo'], [1, 1, 1, 1]],
    ['works on characters in Chinese', '是北京市', ['北京'], [0, 1, 1, 2 / 3], 'zh'],
    ['works on words of blanks in Korean', '서울시', ['서울'], [0, 0, 1, 0], 'ko'],
    ['does not trip over member names', 'constructor __proto__', ['constructor'], [0, 1, 1, 2 / 3]],
  ])('%s', (_, prediction, golds, [strict_em, boundary_em, containment_em, f1], lang = 'en') => {
    const grades = grade(prediction, golds, lang)
    expect(grades).toMatchObject({ strict_em, boundary_em, containment_em })
    expect(grades?.f1).toBeCloseTo(f1, 12)
  })

  test('does not exist without golds', () => expect(grade('Oslo', [])).toBeNull())

  test('only falls from containment to boundary to strict EM, and strict EM has full F1', () => {
    const text = fc.array(fc.constantFrom('no', 'know', 'oslo', 'the', 'x.', 'é', '東'), { maxLength: 4 })
    const words = text.map((parts) => parts.join(' '))
    fc.assert(
      fc.property(
        words,
        fc.array(words, { minLength: 1, maxLength: 3 }),
        fc.constantFrom('en', 'zh'),
        (said, golds, lang) => {
          const grades = grade(said, golds, lang)!
          expect(grades.strict_em).toBeLessThanOrEqual(grades.boundary_em)
          expect(grades.boundary_em).toBeLessThanOrEqual(grades.containment_em)
          if (grades.strict_em === 1) expect(grades.f1).toBe(1)
        },
      ),
    )
  })
})

describe('has-answer', () => {
  test.each<[string, string, string[], boolean, string?]>([
    ['finds tokens in any case', 'He lived in NEW  YORK.', ['new york'], true],
    ['does not find a part of a word', 'I know', ['no'], false],
    ['takes punctuation for tokens', 'the U.S. army', ['U.S.'], true],
    ['does not pass over punctuation', 'the US army', ['U.S.'], false],
    ['does not drop articles', 'in Beatles', ['the Beatles'], false],
    ['does not care how an accent is composed', 'cafe\u0301', ['CAFÉ'], true],
    ['takes an underscore for a token of its own', 'a_b', ['b'], true],
    ['passes over control and format characters', 'New\u200bYork', ['new york'], true],
    ['splits what DPR splits: a hyphen is a token', 'Jean-Paul', ['Paul'], true],
    ['finds a gold across lines', 'New\nYork', ['New York'], true],
    ['finds nothing for a gold without tokens', 'anything', ['', ' ', '\u0000'], false],
    ['finds nothing in an empty text', '', ['x'], false],
    ['finds nothing without golds', 'x', [], false],
    ['works on characters in Japanese', '私は東京都に住む', ['東京'], true, 'ja'],
    ['does not take か for a part of が', 'が', ['か'], false, 'ja'],
    ['decomposes symbols as DPR does', 'x≠y', ['='], true],
    ['finds symbols outside the first plane', 'ok 🙂 fine', ['🙂'], true],
  ])('%s', (_, text, golds, expected, lang = 'en') => expect(hasAnswer(text, golds, lang)).toBe(expected))
})

describe('the answerable filter', () => {
  test('keeps what matches by its rule and says why it drops the rest', () => {
    const dropped = { outcome: 'filtered', reason: 'not answered with the best passage' }
    expect(answerable('boundary', 'In Oslo.', ['Oslo'])).toEqual({ outcome: 'kept', reason: '' })
    expect(answerable('boundary', 'I do not know', ['no'])).toEqual(dropped)
    expect(answerable('containment', 'I do not know', ['no']).outcome).toBe('kept')
    expect(answerable('containment', 'yes', ['no'])).toEqual(dropped)
    expect(answerable('boundary', 'anything', ['the'])).toEqual(dropped)
    expect(answerable('boundary', 'anything', [])).toEqual({ outcome: 'filtered', reason: 'no gold answer' })
    expect(answerable('off', '', []).outcome).toBe('kept')
  })
})
