import { describe, expect, test } from 'vitest'
import type { Embedder, PassageStore } from '../../method/ports.ts'
import { index } from '../../processors/index.ts'
import { Rejected } from '../../runtime/errors.ts'
import { attempt, never, taken } from './records.ts'

const doubles = () => {
  const calls: unknown[][] = []
  const noted =
    (name: string) =>
    async (...args: unknown[]) =>
      void calls.push([name, ...args])
  const embed: Embedder['embed'] = async (texts, as, signal) => {
    calls.push(['embed', texts, as, signal])
    return texts.map(() => Float32Array.of(1, 2))
  }
  const store = { upsert: noted('upsert'), remove: noted('remove') } as unknown as PassageStore
  const stores = async (run: string) => {
    calls.push(['stores', run])
    return [store]
  }
  return { calls, ports: { embedder: { embed } as Embedder, stores } }
}

const passage = { id: 'p1', title: 'Vienna', text: 'lies on the Danube' }

describe('index', () => {
  test('embeds title, blank and text as a passage, and puts it into the store under its id', async () => {
    const { calls, ports } = doubles()
    const { outputs, tally } = await taken(index, passage, ports)
    expect(calls).toEqual([
      ['embed', ['Vienna lies on the Danube'], 'passage', never],
      ['stores', 'r'],
      ['upsert', [{ passage, vector: Float32Array.of(1, 2) }], never],
    ])
    expect(outputs).toEqual([])
    expect(tally).toEqual({ outcome: 'indexed' })
  })

  test('a passage without a title is embedded by its text alone', async () => {
    const { calls, ports } = doubles()
    await taken(index, { ...passage, title: '' }, ports)
    expect(calls[0]).toEqual(['embed', ['lies on the Danube'], 'passage', never])
  })

  test.each(['', ' \n\t'])('a passage whose text is %j is rejected by name before anything is called', async (text) => {
    const { calls, ports } = doubles()
    await expect(taken(index, { ...passage, text }, ports)).rejects.toThrow(new Rejected('passage p1 has no text'))
    expect(calls).toEqual([])
  })

  test('a passage without a value leaves the store', async () => {
    const { calls, ports } = doubles()
    expect(await index.forget!('p1', ports, never, attempt)).toEqual([])
    expect(calls).toEqual([
      ['stores', 'r'],
      ['remove', ['p1'], never],
    ])
  })
})
