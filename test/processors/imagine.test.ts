import { describe, expect, test } from 'vitest'
import { imagining, promptHash } from '../../method/prompt.ts'
import { imagine } from '../../processors/index.ts'
import { drafts } from '../../topics/index.ts'
import { asked, attempt, cost, identity, key, never, readerSaying, server, single, taken, usage } from './records.ts'

const settings = { imagines: true, prompt: imagining, maxTokens: 200 }

describe('imagine', () => {
  test('asks the reader with the question alone, and says who wrote the passage under which prompt', async () => {
    const { reader, requests } = readerSaying('The Danube rises in Germany.')
    const { outputs, tally } = await taken(imagine, asked(), { ...settings, reader })
    const request = { question: asked().query.question, template: imagining, maxTokens: 200 }
    expect(requests).toEqual([{ request, signal: never, hint: attempt }])
    const pseudo_passage = {
      text: 'The Danube rises in Germany.',
      not_available: false,
      reader: { ...identity, prompt: promptHash(imagining) },
      usage,
    }
    expect(single(outputs, drafts)).toEqual({ key, value: { ...asked(), pseudo_passage } })
    expect(tally).toEqual({ outcome: 'imagined', sums: cost })
  })

  test('names the server that wrote it, where the reader is several', async () => {
    const { reader } = readerSaying('The Danube.', { identity: server })
    const { outputs } = await taken(imagine, asked(), { ...settings, reader })
    const by = { ...server, prompt: promptHash(imagining) }
    expect(single(outputs, drafts).value.pseudo_passage?.reader).toEqual(by)
  })

  test('a live query is imagined for all the same', async () => {
    const { reader } = readerSaying('The Danube.')
    const { outputs } = await taken(imagine, asked({ answers: [] }), { ...settings, reader })
    expect(single(outputs, drafts).value.pseudo_passage?.text).toBe('The Danube.')
  })

  test.each(['N/A', ' n/a. ', ''])('what says nothing (%j) is flagged and counted apart', async (text) => {
    const { outputs, tally } = await taken(imagine, asked(), { ...settings, reader: readerSaying(text).reader })
    expect(single(outputs, drafts).value.pseudo_passage).toMatchObject({ text, not_available: true })
    expect(tally).toEqual({ outcome: 'not available', sums: cost })
  })

  test('the articles that are dropped before N/A is looked for are those of English', async () => {
    const ports = { ...settings, reader: readerSaying('the N/A').reader }
    const english = await taken(imagine, asked(), ports)
    const german = await taken(imagine, asked({ lang: 'de' }), ports)
    expect(single(english.outputs, drafts).value.pseudo_passage?.not_available).toBe(true)
    expect(single(german.outputs, drafts).value.pseudo_passage?.not_available).toBe(false)
  })

  test('switched off it lets the query pass and asks nobody', async () => {
    const { reader, requests } = readerSaying('never heard')
    const { outputs, tally } = await taken(imagine, asked(), { ...settings, imagines: false, reader })
    expect(single(outputs, drafts)).toEqual({ key, value: { ...asked(), pseudo_passage: null } })
    expect(tally).toEqual({ outcome: 'passed' })
    expect(requests).toEqual([])
  })
})
