/** Folders by address and content: fetched whole, or not at all. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { uriOf } from '../../adapters/artifact-source.ts'
import { fetchFolder } from '../../adapters/artifacts.ts'
import { Fatal, Unavailable } from '../../runtime/errors.ts'
import { folder } from '../cli/command.ts'

const { signal } = new AbortController()
const hash = (text: string) => createHash('sha256').update(text).digest('hex')

/** A folder `there` with a list and one file, and a cache beside it. */
const place = (content = 'weights') => {
  const { path, remove } = folder()
  onTestFinished(remove)
  const [there, cache] = [join(path, 'there'), join(path, 'cache')]
  mkdirSync(there)
  const list = JSON.stringify({ sha256: { 'model.bin': hash(content) } })
  writeFileSync(join(there, 'list.json'), list)
  writeFileSync(join(there, 'model.bin'), content)
  const sha256 = hash(list)
  /** By its hash, or whatever is found there. */
  const fetched = (uri = uriOf(there), by: { readonly sha256?: string } = { sha256 }) =>
    fetchFolder({ uri, ...by, list: 'list.json', cache, signal })
  const partial = () => (existsSync(cache) ? readdirSync(cache).filter((name) => name !== sha256) : [])
  return {
    there,
    cache,
    sha256,
    fetched,
    partial,
    list: (text: string) => writeFileSync(join(there, 'list.json'), text),
  }
}

/** An address of this machine at which nobody listens. */
const unused = async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}

const served = async (answer: (path: string) => string | number) => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url!)
    const found = answer(request.url!)
    if (typeof found === 'number') response.writeHead(found).end()
    else response.end(found)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

describe('a folder of this machine', () => {
  test('is copied under its hash, and what it is is said where nobody knew', async () => {
    const { cache, sha256, fetched, partial } = place()
    expect(await fetched(undefined, {})).toEqual({ folder: join(cache, sha256), sha256 })
    expect(readFileSync(join(cache, sha256, 'model.bin'), 'utf8')).toBe('weights')
    expect(partial()).toEqual([])
  })

  test('was fetched once and is not needed any more', async () => {
    const { there, fetched } = place()
    const first = await fetched()
    rmSync(there, { recursive: true })
    expect(await fetched()).toEqual(first)
    expect(await fetched('')).toEqual(first)
    await expect(fetched('', { sha256: hash('other') })).rejects.toThrow(
      /nobody has said here where [0-9a-f]{12}… lies/,
    )
  })

  test.each(['known', 'unknown'])('whose copy was damaged is fetched again, its hash %s', async (kind) => {
    const { cache, sha256, fetched, partial } = place()
    await fetched()
    writeFileSync(join(cache, sha256, 'model.bin'), 'wrights')
    const { folder: at } = await fetched(undefined, kind === 'known' ? { sha256 } : {})
    expect(readFileSync(join(at, 'model.bin'), 'utf8')).toBe('weights')
    expect(partial()).toEqual([])
  })

  test('is fetched by two at once, and is whole for both', async () => {
    const { fetched, partial } = place('w'.repeat(1_000_000))
    const [one, two] = await Promise.all([fetched(), fetched()])
    expect(one).toEqual(two)
    expect(partial()).toEqual([])
  })

  test('whose file was changed is refused by name, and nothing of it stays', async () => {
    const { there, fetched, partial } = place()
    writeFileSync(join(there, 'model.bin'), 'wrights')
    await expect(fetched()).rejects.toThrow(/there\/model\.bin has other content than it should \(sha256 .*restore it/)
    await expect(fetched()).rejects.toThrow(Fatal)
    expect(partial()).toEqual([])
  })

  test('that is another one than was asked for is refused', async () => {
    const { fetched, sha256 } = place()
    await expect(fetched(undefined, { sha256: hash('other') })).rejects.toThrow(`sha256 ${sha256.slice(0, 12)}…`)
  })

  test.each([
    ['../escape', 'names "../escape" under sha256, which is no file'],
    ['list.json', 'names "list.json" under sha256, which is no file'],
  ])('that names %s writes nothing outside of it', async (name, said) => {
    const { fetched, list } = place()
    list(JSON.stringify({ sha256: { [name]: hash('x') } }))
    await expect(fetched(undefined, {})).rejects.toThrow(said)
  })

  test('that is missing, or has no list that can be read, is told so', async () => {
    const { fetched, list } = place()
    await expect(fetched('file:///no/such/place', {})).rejects.toThrow(
      '/no/such/place/list.json does not exist; check the path',
    )
    list('no JSON')
    await expect(fetched(undefined, {})).rejects.toThrow('list.json is not JSON')
  })
})

describe('a folder on the web', () => {
  const files = ({ there }: { there: string }) => {
    return (path: string) => readFileSync(join(there, path.replace('/at', '')), 'utf8')
  }

  test('is fetched file by file, and checked as one of this machine is', async () => {
    const here = place()
    const { url, asked } = await served(files(here))
    expect((await here.fetched(`${url}/at/`)).sha256).toBe(here.sha256)
    expect(asked).toEqual(['/at/list.json', '/at/model.bin'])
    const other = place('weights2')
    writeFileSync(join(other.there, 'model.bin'), 'wrights')
    const bad = await served(files(other))
    await expect(other.fetched(`${bad.url}/at`)).rejects.toThrow(`${bad.url}/at/model.bin has other content`)
  })

  test('a server that is away or in trouble may be back, one that refuses is told of', async () => {
    const here = place()
    const { url } = await served((path) => (path.startsWith('/busy') ? 503 : 404))
    await expect(here.fetched(`${url}/busy`)).rejects.toThrow(Unavailable)
    const away = await unused()
    await expect(here.fetched(away)).rejects.toThrow(/cannot be read \(.*ECONNREFUSED/)
    await expect(here.fetched(away)).rejects.toThrow(Unavailable)
    await expect(here.fetched(`${url}/gone`)).rejects.toThrow(
      '/gone/list.json answers with status 404: check the address',
    )
  })
})

test.each([
  ['s3://bucket/x', 'nothing is read from s3: by this program; mount it as a folder'],
  ['http://example.org/x', 'is not encrypted: serve the folder under https://'],
  ['https://me:hunter2@example.org/x', 'an address at example.org holds a user'],
  ['https://example.org/x?signature=hunter2', 'an address at example.org holds a user, a ? or a #'],
  ['s3://key:hunter2@bucket/x', 's3://…@bucket/x: nothing is read from s3: by this program'],
  ['ftp://host/x?signature=hunter2', 'ftp://host/x…: nothing is read from ftp: by this program'],
  ['https://me:hunter2@/x', 'https://…@/x is no address: write it as https://host/folder'],
  ['file://me:hunter2@host/x', 'file://…@host/x names no folder of this machine'],
  ['', 'nothing is read from there by this program'],
])('%s is no address to fetch from', async (uri, said) => {
  const failed = place().fetched(uri, {})
  await expect(failed).rejects.toThrow(said)
  await expect(failed).rejects.not.toThrow('hunter2')
})
