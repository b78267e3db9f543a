import { describe, expect, test } from 'vitest'
import { failure } from '../../cli/failure.ts'
import { Interrupted } from '../../cli/work.ts'
import { Fatal, Unavailable } from '../../runtime/errors.ts'

const ended = (of: (signal: AbortSignal) => unknown, aborted = true) => {
  const controller = new AbortController()
  if (aborted) controller.abort(new Interrupted('stopped'))
  let said = ''
  const screen = { tty: false, write: (text: string) => void (said += text) }
  return { code: failure(of(controller.signal), { screen, env: {}, signal: controller.signal }), said }
}

describe('after an interrupt', () => {
  test.each([
    ['the interrupt itself', () => new Interrupted('stopped; the same command goes on from here')],
    ['the reason of the signal', ({ reason }: AbortSignal) => reason as unknown],
    ['a call that was aborted', () => new DOMException('This operation was aborted', 'AbortError')],
    ['what became of the reason', ({ reason }: AbortSignal) => new Unavailable('left', { cause: reason })],
  ])('%s ends as asked for', (_what, of) => {
    const { code, said } = ended(of)
    expect(code).toBe(130)
    expect(said).toMatch(/^gainstream: stopped[^\n]*\n$/)
  })

  test('what went wrong meanwhile is said, and is a failure', () => {
    const disk = ended(() => new Fatal('the disk is full: make room'))
    expect(disk).toEqual({ code: 1, said: 'gainstream: the disk is full: make room\n' })
    const bug = ended(() => new TypeError('x is\n undefined'))
    expect(bug).toEqual({ code: 1, said: 'gainstream: unexpected: x is undefined\n' })
  })
})

test('an abort that nobody asked for is a failure', () => {
  const { code, said } = ended(() => new DOMException('This operation was aborted', 'AbortError'), false)
  expect(code).toBe(1)
  expect(said).toContain('This operation was aborted')
})
