import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { addressOf, follow } from '../../../adapters/vllm/addresses.ts'
import type { Address, Source } from '../../../adapters/vllm/members.ts'
import { unobserved, type Logger } from '../../../runtime/observe.ts'

const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const every = 15
const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0)) await end()
})

const folder = async () => {
  const path = await mkdtemp(join(tmpdir(), 'addresses-'))
  ending.push(() => rm(path, { recursive: true }))
  return path
}

/** Follows a source, and keeps every list that it hands over and every warning. */
const following = async (source: Source, lookup?: (name: string) => Promise<string[]>, pace = every) => {
  const lists: string[][] = []
  const warnings: string[] = []
  const life = new AbortController()
  ending.push(() => life.abort())
  const warn: Logger['warn'] = ({ reason }, message) =>
    void warnings.push(typeof reason === 'string' ? reason : message)
  const logger = { ...unobserved.logger, warn }
  const take = (addresses: readonly Address[]) => void lists.push(addresses.map(({ key }) => key))
  const times = { dns: pace, file: pace }
  const followed = await follow(source, { times, logger, lookup }, take, life.signal)
  return { lists, warnings, followed, life }
}

/** Until something holds, for two seconds at the most. */
const until = async (holds: () => boolean) => {
  for (let left = 200; left > 0 && !holds(); left--) await soon(10)
  expect(holds()).toBe(true)
}

describe('the URL of a server', () => {
  test.each([
    ['http://127.0.0.1:8000', '127.0.0.1:8000', 'http://127.0.0.1:8000'],
    ['http://gpu-1:8000/v1/', 'gpu-1:8000', 'http://gpu-1:8000'],
    ['https://router.example/team/v1', 'router.example/team', 'https://router.example/team'],
    ['http://[::1]:8000/', '[::1]:8000', 'http://[::1]:8000'],
  ])('%s is %s at %s', (text, key, url) => {
    expect(addressOf(text)).toEqual({ key, url })
  })

  test.each([
    ['gpu-1:8000', '"gpu-1:8000" is not the URL of a server: write it like http://host:8000'],
    ['', '"" is not the URL of a server: write it like http://host:8000'],
    ['http://a:8000/?k=1', 'the URL of the server a:8000 goes on after "?" or "#": write it like http://host:8000'],
  ])('%s is none, in a sentence', (text, why) => {
    expect(() => addressOf(text)).toThrow(why)
  })

  test.each(['http://me:secret@a:8000', 'htp://me:secret@a:8000', 'http://me:se/cret@a', 'me:secret@a'])(
    'a password is refused, and not repeated: %s',
    (text) => {
      const error = (() => {
        try {
          return addressOf(text)
        } catch (thrown) {
          return thrown
        }
      })()
      expect(error).toMatchObject({ name: 'Fatal' })
      expect(String(error)).not.toMatch(/secret|cret@/)
    },
  )
})

describe('a list', () => {
  test('is handed over once, each server once', async () => {
    const { lists } = await following({ kind: 'list', urls: ['http://a:1', 'http://b:1/v1', 'http://a:1/'] })
    expect(lists).toEqual([['a:1', 'b:1']])
  })

  test('an empty one is refused', async () => {
    await expect(following({ kind: 'list', urls: [] })).rejects.toThrow('there is no server in the list of servers')
  })
})

describe('a name', () => {
  const source = { kind: 'dns', url: 'http://readers:8000/v1' } as const

  test('each of its addresses is a server; they come and go with the answers', async () => {
    let found = ['10.0.0.2', '10.0.0.1']
    const { lists } = await following(source, async (name) => (name === 'readers' ? found : []))
    expect(lists[0]).toEqual(['10.0.0.1:8000', '10.0.0.2:8000'])
    found = ['10.0.0.2', 'fd00::3']
    await until(() => lists.at(-1)!.join() === '10.0.0.2:8000,[fd00::3]:8000')
  })

  test('an address keeps the URL of its name, and says where to connect', async () => {
    const found: Address[] = []
    const life = new AbortController()
    ending.push(() => life.abort())
    const options = { times: { dns: 1000, file: 1000 }, logger: unobserved.logger, lookup: async () => ['10.0.0.1'] }
    await follow({ kind: 'dns', url: 'https://readers/v1' }, options, (list) => found.push(...list), life.signal)
    expect(found).toEqual([{ key: '10.0.0.1:443', url: 'https://readers', at: '10.0.0.1' }])
  })

  test('while nobody knows the name, what was found last stays, and one warning says so', async () => {
    let away = false
    const lookup = async () => {
      if (away) throw new Error('ENOTFOUND')
      return ['10.0.0.1']
    }
    const { lists, warnings, followed } = await following(source, lookup)
    away = true
    await until(() => followed.trouble !== undefined)
    const before = lists.length
    await soon(5 * every)
    expect(lists.length).toBe(before)
    expect(warnings).toEqual(['the name readers has no address: ENOTFOUND'])
    away = false
    await until(() => lists.length > before && followed.trouble === undefined)
  })

  test('a name that nobody knows yet is waited for', async () => {
    let known = false
    const lookup = async () => (known ? ['10.0.0.1'] : [])
    const { lists, followed } = await following(source, lookup)
    expect(followed.trouble).toBe('the name readers has no address')
    known = true
    await until(() => lists.length > 0)
    expect(lists[0]).toEqual(['10.0.0.1:8000'])
  })

  test('this machine is asked for every address that it knows', async () => {
    const { lists } = await following({ kind: 'dns', url: 'http://localhost:8000' })
    expect(lists[0]!.every((key) => ['127.0.0.1:8000', '[::1]:8000'].includes(key))).toBe(true)
    expect(lists[0]!.length).toBeGreaterThan(0)
  })

  test('nobody is asked any more once the signal has aborted', async () => {
    let asked = 0
    const { life } = await following(source, async () => [`10.0.0.${++asked}`])
    life.abort()
    const before = asked
    await soon(5 * every)
    expect(asked).toBe(before)
  })
})

describe('a file', () => {
  const start = async (text: string, pace?: number) => {
    const path = join(await folder(), 'servers.txt')
    await writeFile(path, text)
    return { path, ...(await following({ kind: 'file', path }, undefined, pace)) }
  }

  test('has one server a line, with comments and empty lines', async () => {
    const { lists } = await start('\uFEFF# ours\r\nhttp://a:1\r\n\n  http://b:1/v1  # the fast one\n')
    expect(lists).toEqual([['a:1', 'b:1']])
  })

  test('a change counts, whether the file is written or replaced', async () => {
    const { path, lists } = await start('http://a:1\n')
    await writeFile(path, 'http://a:1\nhttp://b:1\n')
    await until(() => lists.at(-1)!.join() === 'a:1,b:1')
    await writeFile(`${path}.new`, 'http://c:1\n')
    await rename(`${path}.new`, path)
    await until(() => lists.at(-1)!.join() === 'c:1')
    expect(lists.length).toBe(3)
  })

  test('while it is half written nothing changes', async () => {
    const { path, lists, warnings } = await start('http://a:1\nhttp://b:1\n', 100)
    for (const part of ['', 'http://a:1\n', 'http://a:1\nhttp', 'http://a:1\nhttp://b', 'http://a:1\nhttp://b:1\n']) {
      await writeFile(path, part)
      await soon(30)
    }
    await soon(250)
    expect(lists).toEqual([['a:1', 'b:1']])
    expect(warnings).toEqual([])
  })

  test.each([
    ['is gone', (path: string) => rm(path), /^the list of servers .*servers\.txt cannot be read: ENOENT/],
    ['names nobody', (path: string) => writeFile(path, '# none\n'), /names no server: write one URL a line$/],
  ])('while it %s, what it held last stays, and one warning says so', async (_, spoil, why) => {
    const { path, lists, warnings } = await start('http://a:1\n')
    await spoil(path)
    await until(() => warnings.length > 0)
    await soon(5 * every)
    expect(lists.length).toBe(1)
    expect(warnings).toEqual([expect.stringMatching(why)])
    await writeFile(path, 'http://b:1\n')
    await until(() => lists.at(-1)!.join() === 'b:1')
  })

  test('a bad line is named, and the others go on', async () => {
    const { path, lists, warnings } = await start('http://a:1\ngpu-2:8000\nhttp://me:secret@b:1\nhttp://c:1\n')
    expect(lists).toEqual([['a:1', 'c:1']])
    expect(warnings).toEqual([
      `${path}:2: "gpu-2:8000" is not the URL of a server: write it like http://host:8000`,
      `${path}:3: "…@b:1" holds a user or a password: write it like http://host:8000 and give the key as a setting`,
    ])
  })

  test.each([
    ['an empty one', '', /names no server: write one URL a line$/],
    ['one with nothing but bad lines', 'a\n', /servers\.txt:1: "a" is not the URL of a server/],
  ])('%s at the start is refused', async (_, text, why) => {
    await expect(start(text)).rejects.toMatchObject({ name: 'Fatal', message: expect.stringMatching(why) as string })
  })

  test('one that is not there at the start is refused', async () => {
    const path = join(await folder(), 'nobody.txt')
    await expect(following({ kind: 'file', path })).rejects.toMatchObject({
      ...{ name: 'Fatal', message: expect.stringMatching(/nobody\.txt cannot be read: ENOENT/) as string },
    })
  })
})
