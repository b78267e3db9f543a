/** What every reader promises. Call `readerContract` inside a test file. */
import { describe, expect, test } from 'vitest'
import type { Reader } from '../../method/ports.ts'
import { answering, imagining } from '../../method/prompt.ts'
import { Rejected } from '../../runtime/errors.ts'
import { passages } from './scorer.ts'

const never = new AbortController().signal
const question = 'What is the capital of Austria?'
const request = { question, passages: passages.slice(0, 1), template: answering, passageTokens: 256, maxTokens: 24 }

export const readerContract = (name: string, open: () => Promise<{ reader: Reader; contextSize: number }>) =>
  describe(`the reader port: ${name}`, () => {
    const opened = open()

    test('a passage that holds the answer is read, in one line and with its cost', async () => {
      const { reader } = await opened
      const { text, usage, cut } = await reader.answer(request, never)
      expect(text).toContain('Vienna')
      expect(text).not.toContain('\n')
      expect(text).toBe(text.trim())
      expect(usage.calls).toBe(1)
      expect(usage.prompt_tokens + usage.output_tokens).toBeGreaterThan(2)
      expect(cut).toBeNull()
    })

    test('asked twice, alone or beside others, it says the same', async () => {
      const { reader } = await opened
      const alone = await reader.answer(request, never)
      const others = ['Who painted the Mona Lisa?', 'What do oaks carry?'].map((other) =>
        reader.answer({ ...request, question: other }, never),
      )
      const [again] = await Promise.all([reader.answer(request, never), ...others])
      expect(again.text).toBe(alone.text)
    })

    test('it answers without any passage', async () => {
      const { reader } = await opened
      const { text } = await reader.answer({ ...request, passages: [] }, never)
      expect(text.length).toBeGreaterThan(0)
    })

    test('what is cut is told: the passage, passages left out, and the answer', async () => {
      const { reader, contextSize } = await opened
      const long = { id: 'long', title: '', text: 'word '.repeat(300) }
      const short = await reader.answer({ ...request, passages: [long], passageTokens: 20 }, never)
      expect(short.cut).toMatch(/long/)
      const many = Array.from({ length: Math.ceil(contextSize / 100) }, () => long)
      const left = await reader.answer({ ...request, passages: many, passageTokens: 200 }, never)
      expect(left.cut).toMatch(/left out/)
      const stopped = await reader.imagine({ question, template: imagining, maxTokens: 5 }, never)
      expect(stopped.cut).toMatch(/5 tokens/)
      expect(stopped.usage.output_tokens).toBe(5)
    })

    test('it imagines a passage from the question alone, no longer than asked', async () => {
      const { reader } = await opened
      const { text, usage } = await reader.imagine({ question, template: imagining, maxTokens: 60 }, never)
      expect(text.split(' ').length).toBeGreaterThan(3)
      expect(usage.output_tokens).toBeLessThanOrEqual(60)
    })

    test('a question that fills the context by itself is rejected', async () => {
      const { reader, contextSize } = await opened
      const long = { ...request, passages: [], question: 'why '.repeat(2 * contextSize) }
      await expect(reader.answer(long, never)).rejects.toThrow(Rejected)
    })

    test('an aborted request rejects with the reason', async () => {
      const { reader } = await opened
      const abort = new AbortController()
      const reason = new Error('enough')
      const reading = reader.imagine(
        { question: 'Who was Copernicus?', template: imagining, maxTokens: 200 },
        abort.signal,
      )
      setTimeout(() => abort.abort(reason), 100)
      await expect(reading).rejects.toBe(reason)
    })
  })
