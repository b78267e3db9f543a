import { expect, test } from 'vitest'
import { termsOf } from '../../../adapters/store/terms.ts'

test.each([
  ['The C-130 lands, twice.', ['the', 'c', '130', 'lands', 'twice']],
  ['ÉCOLE café naïve Ångström', ['ecole', 'cafe', 'naive', 'angstrom']],
  ['東京タワー 333m', ['東', '京', 'タ', 'ワ', 'ー', '333m']],
  ['Москва, Ελλάδα', ['москва', 'ελλαδα']],
  ['ﬁne ² Ⅷ', ['fine', '2', 'viii']],
  ['… — !', []],
  ['', []],
])('the terms of %j', (text, terms) => expect(termsOf(text)).toEqual(terms))
