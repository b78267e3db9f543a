import { expect, test } from 'vitest'
import { lz4, snappy } from '../../../adapters/kafka/lempel.ts'

/** Batches of the same three records as librdkafka 2 and Kafka's console producer 4.3 compressed them. */
const batches = {
  'lz4 of librdkafka': [
    lz4,
    'BCJNGGBAgnsAAADxBYQBAAAAAXh0byBiZSBvciBub3QgDQDyCCwgdGhhdCBpcyB0aGUgcXVlc3Rpb246HQAJKgCvAIYLAAACAfgKeAEA//+q8AEAYgAABAFWbm8gdHdvIG9m9gLwEHNlIGFyZSBhbGlrZTogMy4xNDE1OTI2NTM1ODk3OQAAAAAA',
  ],
  'lz4 of Java': [
    lz4,
    'BCJNGGBAgn0AAADxBYQBAAAAAXh0byBiZSBvciBub3QgDQDyCCwgdGhhdCBpcyB0aGUgcXVlc3Rpb246HQAJKgC/AIgLAKIBAgH4CngBAP//qvACAGQAogEEAVZubyB0d28gb2b4AvAQc2UgYXJlIGFsaWtlOiAzLjE0MTU5MjY1MzU4OTc5AAAAAAA=',
  ],
  'snappy of librdkafka': [
    snappy,
    'uwZMhAEAAAABeHRvIGJlIG9yIG5vdCAFDVgsIHRoYXQgaXMgdGhlIHF1ZXN0aW9uOgkdMioAJACGCwAAAgH4Cnj+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQDqAQA8AGIAAAQBVm5vIHR3byBvZkH2eHNlIGFyZSBhbGlrZTogMy4xNDE1OTI2NTM1ODk3OQA=',
  ],
  'snappy of Java': [
    snappy,
    'glNOQVBQWQAAAAABAAAAAQAAAJe9BkyEAQAAAAF4dG8gYmUgb3Igbm90IAUNWCwgdGhhdCBpcyB0aGUgcXVlc3Rpb246CR0yKgAoAIgLAJwBAgH4Cnj+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQDqAQBAAGQAngEEAVZubyB0d28gb2ZB+HhzZSBhcmUgYWxpa2U6IDMuMTQxNTkyNjUzNTg5NzkA',
  ],
} as const

/** As they stand in a batch: a length, five numbers of a byte or two, the value, and no headers. */
const holds = (bytes: Buffer, value: string) => bytes.includes(Buffer.from(`${value}\0`))

test.each(Object.entries(batches))('what was written with %s is read', (_, [decompress, text]) => {
  const bytes = decompress(Buffer.from(text, 'base64'))
  expect([827, 829]).toContain(bytes.length)
  expect(holds(bytes, 'to be or not to be, that is the question: to be or not to be')).toBe(true)
  expect(holds(bytes, 'x'.repeat(700))).toBe(true)
  expect(holds(bytes, 'no two of these are alike: 3.14159265358979')).toBe(true)
})

test.each(Object.entries(batches))(
  '%s that was cut off or damaged is refused, and nothing runs on',
  (_, [decompress, text]) => {
    const whole = Buffer.from(text, 'base64')
    for (let length = 1; length < whole.length - 4; length++) {
      expect(() => decompress(whole.subarray(0, length))).toThrow()
    }
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 0xff
      try {
        expect(decompress(damaged).length).toBeLessThan(1_000_000)
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
    }
  },
)
