import { expect, test } from 'vitest'
import { table } from '../../cli/report.ts'

test('a table hands no control character of its texts to the terminal, and stays one line a row', () => {
  const evil = 'a\u001b[2J\u001b]0;title\u0007b\r\nc\u009b31md\te\u0000f'
  const shown = table([
    ['passage', 'n'],
    [evil, '1'],
  ])
  expect(shown.split('\n')).toHaveLength(2)
  expect(shown.replace('\n', '')).not.toMatch(/\p{Cc}/u)
  expect(shown).toContain('a [2J ]0;title b c 31md e f  1')
})
