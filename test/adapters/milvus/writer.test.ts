import { expect, test } from 'vitest'
import { Refused } from '../../../adapters/milvus/failures.ts'
import type { Lease } from '../../../adapters/milvus/lease.ts'
import type { Row } from '../../../adapters/milvus/schema.ts'
import { writer } from '../../../adapters/milvus/writer.ts'
import { Unavailable } from '../../../runtime/errors.ts'
import { pause } from '../../../runtime/wait.ts'

const { signal } = new AbortController()
const at = (id: string, text = 'text'): Row => ({ id, title: '', text, terms: text, dense: Float32Array.of(1) })

/** A server that keeps what it is given, refuses rows by their id, and takes a while. */
const server = (refuses: (ids: readonly string[]) => Error | undefined = () => undefined) => {
  const kept = new Map<string, string>()
  const calls: string[][] = []
  let busy = 0
  const turn: Lease = (work) => work()
  const change = async (ids: string[], work: () => void) => {
    calls.push(ids)
    expect(++busy).toBe(1)
    await pause(2)
    busy--
    const error = refuses(ids)
    if (error) throw error
    work()
  }
  const writes = writer(
    {
      upsert: (rows) => change(rows.map(({ id }) => id), () => rows.forEach(({ id, text }) => kept.set(id, text))), // prettier-ignore
      remove: (ids) => change([...ids], () => ids.forEach((id) => kept.delete(id))),
    },
    turn,
  )
  return { kept, calls, writes }
}

test('rows of many callers share calls, and one call is under way at a time', async () => {
  const { kept, calls, writes } = server()
  await Promise.all(Array.from({ length: 2_500 }, (_, i) => writes.upsert([at(`p${i}`)], signal)))
  expect(kept.size).toBe(2_500)
  expect(calls.map(({ length }) => length)).toEqual([1_000, 1_000, 500])
})

test('large texts make small calls', async () => {
  const { calls, writes } = server()
  await writes.upsert(Array.from({ length: 400 }, (_, i) => at(`p${i}`, 'x'.repeat(30_000))), signal) // prettier-ignore
  expect(calls.length).toBeGreaterThan(2)
  expect(Math.max(...calls.map(({ length }) => length))).toBeLessThan(200)
})

test('of an id that comes twice the last counts, and removals keep their place in the order', async () => {
  const { kept, calls, writes } = server()
  const done = [
    writes.upsert([at('a', 'first'), at('b')], signal),
    writes.upsert([at('a', 'second')], signal),
    writes.remove(['b', 'b'], signal),
    writes.upsert([at('c')], signal),
  ]
  await Promise.all(done)
  expect(Object.fromEntries(kept)).toEqual({ a: 'second', c: 'text' })
  expect(calls).toEqual([['a', 'b'], ['b'], ['c']])
})

test('of a call that is refused, only the row at fault is, and the others are stored', async () => {
  const { kept, writes } = server((ids) => (ids.includes('p77') ? new Refused('too odd', 6, false) : undefined))
  const all = await Promise.allSettled(Array.from({ length: 200 }, (_, i) => writes.upsert([at(`p${i}`)], signal)))
  expect(kept.size).toBe(199)
  expect(all.flatMap((each, i) => (each.status === 'rejected' ? [i] : []))).toEqual([77])
  expect(all[77]).toMatchObject({
    reason: { name: 'Rejected', message: expect.stringMatching(/p77 .*too odd/) as string },
  })
})

test('a server that is away fails all that wait for the call, and takes the next one', async () => {
  let away = true
  const { kept, calls, writes } = server(() => (away ? new Unavailable('away') : undefined))
  const all = await Promise.allSettled([writes.upsert([at('a')], signal), writes.upsert([at('b')], signal)])
  for (const each of all) expect(each).toMatchObject({ status: 'rejected', reason: { message: 'away' } })
  expect(calls).toHaveLength(1)
  away = false
  await writes.upsert([at('a')], signal)
  expect(kept.size).toBe(1)
})

test('a refusal that no row is at fault of rejects none', async () => {
  const { writes } = server(() => new Refused('rate limit', 9, true))
  await expect(writes.upsert([at('a')], signal)).rejects.toMatchObject({ message: 'rate limit' })
})

test('a caller who goes away ends its own waiting only', async () => {
  const { kept, writes } = server()
  const abort = new AbortController()
  const gone = writes.upsert([at('a')], abort.signal)
  const stays = writes.upsert([at('b')], signal)
  abort.abort(new Error('gone'))
  await expect(gone).rejects.toThrow('gone')
  await stays
  expect(kept.has('b')).toBe(true)
  await writes.idle()
})
