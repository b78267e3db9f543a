import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, expect, test } from 'vitest'
import type { MilvusAccess } from '../../../adapters/milvus/index.ts'
import { readConfig } from '../../../cli/config.ts'
import { milvusAccess } from '../../../cli/milvus.ts'
import { authority } from '../kafka/authority.ts'
import { front, guard } from './front.ts'
import { address, openPlace, ownAlias } from './place.ts'

const { signal } = new AbortController()
const here = mkdtempSync(join(tmpdir(), 'gainstream-milvus-access-'))
afterAll(() => rmSync(here, { recursive: true, force: true }))
const ca = authority(here, 'authority')
const own = ca.issue('server', 'DNS:milvus.test')
const client = ca.issue('client', 'DNS:client')
const stranger = authority(here, 'stranger')

const file = (name: string, content: string) => {
  const path = join(here, name)
  writeFileSync(path, content)
  return path
}
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** What the settings make of it, in use. */
const looked = async (at: string, settings: Readonly<Record<string, unknown>>) => {
  const flags = Object.fromEntries(Object.entries(settings).map(([name, value]) => [`milvus.${name}`, value]))
  const access: MilvusAccess = await milvusAccess(readConfig({ env: {}, flags: { 'milvus.address': at, ...flags } }))
  const place = await openPlace(ownAlias('access'), access)
  closing.unshift(() => place.close())
  return place.list(signal)
}
const refused = (sentence: RegExp) => ({ name: 'Fatal', message: expect.stringMatching(sentence) as string })

const behindTls = async (more = {}) => {
  const made = await front(address, { cert: own.cert, key: own.key, ...more })
  closing.push(() => made.close())
  return made.address
}
const tls = { 'tls.on': true, 'tls.ca': ca.files.cert, 'tls.server_name': 'milvus.test' }

test('over TLS the server must bear a certificate of the authority that is named, for the name that is given', async () => {
  const at = await behindTls()
  expect(await looked(at, tls)).toEqual([])
  await expect(looked(at, { ...tls, 'tls.ca': stranger.files.cert })).rejects.toMatchObject(refused(/milvus\.tls\.ca/))
  await expect(looked(at, { ...tls, 'tls.server_name': 'other.test' })).rejects.toMatchObject(
    refused(/tls\.server_name/),
  )
  await expect(looked(at, { 'tls.on': true })).rejects.toMatchObject(refused(/no TLS with Milvus at .*milvus\.tls\.ca/))
})

test('with a certificate of its own the client is let in, and without it is not', async () => {
  const at = await behindTls({ ca: ca.cert, requestCert: true, rejectUnauthorized: true })
  const mutual = { ...tls, 'tls.cert': client.files.cert, 'tls.key': client.files.key }
  expect(await looked(at, mutual)).toEqual([])
  await expect(looked(at, tls)).rejects.toMatchObject({ message: expect.stringContaining(at) as string })
})

test('user and password, or a token, and the database reach the server; a wrong one is a sentence without it', async () => {
  const basic = (text: string) => Buffer.from(text).toString('base64')
  const guarded = await guard(address, basic('root:secret-1'))
  closing.push(guarded.close)
  const who = { username: 'root', password_file: file('password', 'secret-1\n') }
  expect(await looked(guarded.address, who)).toEqual([])
  const wrong = looked(guarded.address, { username: 'root', password: 'secret-2' })
  await expect(wrong).rejects.toMatchObject(refused(/does not let us in .*milvus\.username/))
  await expect(wrong).rejects.not.toMatchObject({ message: expect.stringContaining('secret-2') as string })
  await expect(looked(guarded.address, {})).rejects.toMatchObject(refused(/milvus\.token/))

  const keyed = await guard(address, basic('key-1'))
  closing.push(keyed.close)
  expect(await looked(keyed.address, { token_file: file('token', 'key-1\n') })).toEqual([])
  await expect(looked(keyed.address, { token: 'key-1', database: 'elsewhere' })).rejects.toThrow(/elsewhere/)
  expect(keyed.databases).toContain('elsewhere')
})

test('files that cannot be used are refused with the setting that names them', async () => {
  const with_ = (settings: object) => looked(address, { 'tls.on': true, ...settings })
  await expect(with_({ 'tls.ca': join(here, 'nowhere') })).rejects.toMatchObject(refused(/^milvus\.tls\.ca: /))
  await expect(with_({ 'tls.ca': file('empty', '') })).rejects.toMatchObject(refused(/^milvus\.tls\.ca: /))
  const pair = { 'tls.cert': client.files.cert, 'tls.key': own.files.key }
  await expect(with_(pair)).rejects.toMatchObject(refused(/^milvus\.tls\.key: .*is not the key of/))
  await expect(with_({ ...pair, 'tls.key': file('bad', 'x') })).rejects.toMatchObject(refused(/holds no private key/))
  const password_file = file('no-password', '\n')
  await expect(looked(address, { username: 'u', password_file })).rejects.toMatchObject(
    refused(/^milvus\.password_file: /),
  )
})

test('where nobody listens, and where another program does, a sentence says so', async () => {
  const away = openPlace('away', { address: '127.0.0.1:1' })
  await expect(away).rejects.toMatchObject({
    name: 'Unavailable',
    message: expect.stringContaining('127.0.0.1:1') as string,
  })
  const web = createServer((_, response) => response.end('hello'))
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
  closing.push(() => web.close())
  const other = openPlace('web', { address: `127.0.0.1:${(web.address() as AddressInfo).port}`, timeout: 3_000 })
  await expect(other).rejects.toThrow(/^Milvus at 127\.0\.0\.1:\d+ /)
})
