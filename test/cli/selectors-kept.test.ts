/** Swaps in one process: what chooses, who falls back to what, and when something is closed. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { keeper, type Wanted } from '../../cli/selectors/keeper.ts'
import type { Selector } from '../../method/ports.ts'
import { Fatal, Unavailable } from '../../runtime/errors.ts'

const never = new AbortController().signal
const wanted = (champion: string, more: Partial<Wanted> = {}): Wanted => ({
  champion,
  before: [],
  shadow: null,
  ...more,
})

/** A keeper of doubles. What `failing` names cannot be opened until it is taken out; `slow` ones open when they are let. */
const keeping = () => {
  const failing = new Map<string, Error>()
  const slow = new Map<string, PromiseWithResolvers<void>>()
  const said: string[] = []
  const kept = keeper({
    async open(sha256, signal): Promise<Selector> {
      said.push(`open ${sha256}`)
      await slow.get(sha256)?.promise
      signal.throwIfAborted()
      const error = failing.get(sha256)
      if (error) throw error
      return {
        identity: { name: sha256, sha256 },
        score: async () => [],
        close: async () => void said.push(`close ${sha256}`),
      }
    },
    guarded: (selector) => selector,
    watched: (selector) => selector,
    taken: ({ identity }, before) => said.push(`${identity.name} after ${before?.identity.name ?? 'none'}`),
    refused: (sha256, error, stays) =>
      said.push(`no ${sha256} (${error.message}): ${stays?.identity.name ?? 'none'} stays`),
  })
  onTestFinished(() => kept.close())
  const names = async () => {
    const { selector, shadow, release } = await kept.inForce(never)
    release?.()
    return [selector.identity.name, ...(shadow ? [shadow.selector.identity.name, shadow.share] : [])]
  }
  return { kept, failing, slow, said, names }
}

describe('what is in force', () => {
  test('a record waits for the first, and is told why where none can be had', async () => {
    const { kept, failing } = keeping()
    failing.set('a', new Fatal('broken'))
    const waiting = kept.inForce(never)
    kept.want(wanted('a'))
    await expect(waiting).rejects.toThrow('broken')
  })

  test('another one is opened beside it, and chooses from the next record on', async () => {
    const { kept, slow, names, said } = keeping()
    kept.want(wanted('a'))
    expect(await names()).toEqual(['a'])
    slow.set('b', Promise.withResolvers<void>())
    kept.want(wanted('b'))
    expect(await names()).toEqual(['a'])
    expect(kept.behind).toBe(true)
    slow.get('b')!.resolve()
    await expect.poll(names).toEqual(['b'])
    expect(kept.behind).toBe(false)
    await expect.poll(() => said).toEqual(['open a', 'a after none', 'open b', 'b after a', 'close a'])
  })

  test('the one before is closed when the last record that has it is done, and not before', async () => {
    const { kept, names, said } = keeping()
    kept.want(wanted('a'))
    const [first, second] = [await kept.inForce(never), await kept.inForce(never)]
    kept.want(wanted('b'))
    await expect.poll(names).toEqual(['b'])
    first.release!()
    first.release!() // says so twice, and counts once
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(said).not.toContain('close a')
    second.release!()
    await expect.poll(() => said).toContain('close a')
  })

  test('one that is refused leaves the other where it is, with an alarm', async () => {
    const { kept, failing, names, said } = keeping()
    kept.want(wanted('a'))
    await names()
    failing.set('b', new Fatal('other content'))
    kept.want(wanted('b', { before: ['z'] }))
    await expect.poll(() => said).toContain('no b (other content): a stays')
    expect(await names()).toEqual(['a'])
    expect([said.includes('close a'), said.includes('open z'), kept.behind]).toEqual([false, false, true])
  })

  test('one that cannot be reached is tried again until it can, or something else is wanted', async () => {
    const { kept, failing, names, said } = keeping()
    kept.want(wanted('a'))
    await names()
    failing.set('b', new Unavailable('away'))
    kept.want(wanted('b'))
    await expect.poll(() => said.filter((one) => one === 'open b').length, { timeout: 10_000 }).toBeGreaterThan(1)
    failing.clear()
    await expect.poll(names, { timeout: 10_000 }).toEqual(['b'])
  })

  test('a process that begins when it cannot be had goes on with the one before', async () => {
    const { kept, failing, names, said } = keeping()
    failing.set('c', new Fatal('other content'))
    failing.set('b', new Fatal('gone'))
    kept.want(wanted('c', { before: ['b', 'a'] }))
    expect(await names()).toEqual(['a'])
    expect(said).toContain('no c (other content): none stays')
  })

  test('of many that are wanted in a row the last one chooses, and the others are closed or never opened', async () => {
    const { kept, slow, names, said } = keeping()
    kept.want(wanted('a'))
    await names()
    slow.set('b', Promise.withResolvers<void>())
    for (const name of ['b', 'c', 'd']) kept.want(wanted(name))
    slow.get('b')!.resolve()
    await expect.poll(names).toEqual(['d'])
    await expect.poll(() => said.filter((one) => one.startsWith('close'))).toContain('close a')
    expect(said.join()).not.toMatch(/b after|c after/)
  })

  test('stopping closes what is open', async () => {
    const { kept, names, said } = keeping()
    kept.want(wanted('a', { shadow: { sha256: 's', share: 0.5 } }))
    await expect.poll(names).toEqual(['a', 's', 0.5])
    await kept.close()
    expect(said.slice(-2).sort()).toEqual(['close a', 'close s'])
  })
})

describe('a selector that is only watched', () => {
  const shadow = { sha256: 's', share: 0.1 }

  test('comes and goes without the one in force', async () => {
    const { kept, names, said } = keeping()
    kept.want(wanted('a', { shadow }))
    await expect.poll(names).toEqual(['a', 's', 0.1])
    kept.want(wanted('a', { shadow: { ...shadow, share: 0.4 } }))
    await expect.poll(names).toEqual(['a', 's', 0.4])
    kept.want(wanted('a'))
    await expect.poll(names).toEqual(['a'])
    await expect.poll(() => said).toEqual(['open a', 'a after none', 'open s', 'close s'])
  })

  test('that cannot be had takes nothing from the one in force', async () => {
    const { kept, failing, names, said } = keeping()
    failing.set('s', new Fatal('broken'))
    kept.want(wanted('a', { shadow }))
    await expect.poll(() => said).toContain('no s (broken): none stays')
    expect(await names()).toEqual(['a'])
  })

  test('that is promoted chooses without being opened once more', async () => {
    const { kept, names, said } = keeping()
    kept.want(wanted('a', { shadow }))
    await expect.poll(names).toEqual(['a', 's', 0.1])
    kept.want(wanted('s'))
    await expect.poll(names).toEqual(['s'])
    await expect.poll(() => said).toEqual(['open a', 'a after none', 'open s', 's after a', 'close a'])
  })
})
