import { describe, expect, test } from 'vitest'
import { answering, promptHash, render } from '../../method/index.ts'

const passage = { id: 'p', title: 'Oslo', text: 'A city.' }

describe('a prompt', () => {
  test('without a passage is the same template with the evidence block removed', () => {
    expect(render(answering, 'Where?', [passage]).user).toBe(
      'Question: Where?\n\nOslo\nA city.\n\nGive only the answer, a name, date, number or short phrase.',
    )
    expect(render(answering, 'Where?', []).user).toBe(
      'Question: Where?\n\nGive only the answer, a name, date, number or short phrase.',
    )
  })

  test('that begins with the evidence begins with the question where there is none', () => {
    const template = { ...answering, user: '{evidence}\n\nQ: {question}' }
    expect(render(template, 'Where?', []).user).toBe('Q: Where?')
    expect(render(template, 'Where?', [passage]).user).toBe('Oslo\nA city.\n\nQ: Where?')
  })

  test('takes braces and dollars in questions and passages as they are', () => {
    const odd = { id: 'p', title: '', text: '{question} $& {evidence} $1' }
    expect(render(answering, '{evidence} $`', [odd]).user).toContain(
      'Question: {evidence} $`\n\n{question} $& {evidence} $1\n\n',
    )
  })

  test('leaves braces that name nothing of ours alone', () => {
    const template = { ...answering, user: '{question} {constructor} {json}' }
    expect(render(template, 'Where?', []).user).toBe('Where? {constructor} {json}')
  })

  test('has a hash of its wording', () => {
    expect(promptHash(answering)).toMatch(/^[0-9a-f]{16}$/)
    expect(promptHash({ ...answering, passage: '{text}' })).not.toBe(promptHash(answering))
  })
})
