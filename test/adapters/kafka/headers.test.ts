import { expect, test } from 'vitest'
import { bytesOf, textOf } from '../../../adapters/kafka/headers.ts'

test('text headers are text on both sides', () => {
  expect(textOf({ run: Buffer.from('r'), ünï: Buffer.from('✓') })).toEqual({ run: 'r', ünï: '✓' })
  expect(bytesOf({ run: 'r' })).toEqual({ run: 'r' })
})

test.each([
  ['bytes that are no text', Buffer.from([255, 0, 128])],
  ['text that looks like ours', Buffer.from('\0bytes:["AA=="]')],
  ['a name that stands there twice', [Buffer.from('a'), Buffer.from([200])]],
])('%s comes back as it was', (_name, value) => {
  expect(bytesOf(textOf({ foreign: value }))).toEqual({ foreign: value })
})
