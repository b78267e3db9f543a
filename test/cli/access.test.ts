import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { kafkaAccess, registryAccess, warnings } from '../../cli/access.ts'
import { Config, readConfig } from '../../cli/config.ts'
import { isSecret, shown } from '../../cli/secrets.ts'
import { Unavailable } from '../../runtime/errors.ts'
import { authority } from '../adapters/kafka/authority.ts'
import { run } from './command.ts'

const here = mkdtempSync(join(tmpdir(), 'gainstream-access-'))
afterAll(() => rmSync(here, { recursive: true, force: true }))
const file = (name: string, content: string) => {
  const path = join(here, name)
  writeFileSync(path, content)
  return path
}
const ca = authority(here, 'authority')
const own = ca.issue('client', 'DNS:client')
const other = ca.issue('other', 'DNS:other')

type Given = Readonly<Record<string, unknown>>
const config = (flags: Given, env: NodeJS.ProcessEnv = {}) => readConfig({ env, flags })
const under = (group: string, given: Given) =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [`${group}.${name}`, value]))
const tls = (given: Given) => kafkaAccess(config(under('kafka.tls', { on: true, ...given })))
const sasl = (given: Given) => kafkaAccess(config(under('kafka.sasl', given)))
const registry = (given: Given) => registryAccess(config(under('registry', given)))

const who = { mechanism: 'scram-sha-512', username: 'u' }

describe('credentials', () => {
  test('come from the environment as they are, whatever YAML would make of them', async () => {
    for (const password of ['12345', 'true', 'null', '[x', '*x', 'a #b', ' x ', "'x'"]) {
      const env = { GAINSTREAM_KAFKA__SASL__PASSWORD: password }
      const { sasl: read } = await kafkaAccess(config(under('kafka.sasl', who), env))
      expect(read).toEqual({ ...who, password })
    }
  })

  test('come from a file without the end of its line', async () => {
    for (const [content, password] of [
      ['p w\n', 'p w'],
      ['p\r\n', 'p'],
      ['p\n\n', 'p\n'],
    ] as const)
      expect((await sasl({ ...who, password_file: file('p', content) })).sasl).toEqual({ ...who, password })
  })

  test('for the registry are a password or a token', async () => {
    const password_file = file('r', 'p:w\n')
    expect((await registry({ username: 'u', password_file })).auth).toEqual({ username: 'u', password: 'p:w' })
    const auth = async (given: Given) => {
      const found = (await registry(given)).auth
      return found && 'token' in found ? await found.token() : undefined
    }
    expect(await auth({ token: 'abc' })).toBe('abc')
    expect(await auth({ token_file: file('rt', 'abc\n') })).toBe('abc')
    expect(await registry({})).toEqual({ url: 'http://127.0.0.1:8081/apis/ccompat/v7' })
  })

  test('that are a token are read again each time, and an expired one is waited for', async () => {
    const path = file('token', 'one')
    const { sasl: read } = await sasl({ mechanism: 'oauthbearer', token_file: path })
    if (read?.mechanism !== 'oauthbearer') throw new Error('not a token')
    expect(await read.token()).toBe('one')
    file('token', 'two\n')
    expect(await read.token()).toBe('two')
    file('token', `x.${Buffer.from('{"exp":1700000000}').toString('base64url')}.x`)
    await expect(read.token()).rejects.toThrow(/^kafka\.sasl\.token_file: the token in .* expired at 2023-11-14T/)
    await expect(read.token()).rejects.toBeInstanceOf(Unavailable)
  })
})

describe('certificates', () => {
  const client = { ca: ca.files.cert, cert: own.files.cert, key: own.files.key }

  test('are read where TLS is on, with the key of an encrypted file', async () => {
    expect((await tls(client)).tls).toEqual({ ca: ca.cert, cert: own.cert, key: own.key })
    expect((await kafkaAccess(config({}))).tls).toBeUndefined()
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    const locked = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' } as const
    const key = file('locked.key', String(privateKey.export(locked)))
    await expect(tls({ ...client, key })).rejects.toThrow(/is encrypted: set kafka\.tls\.key_password/)
    await expect(tls({ ...client, key, key_password: 'no' })).rejects.toThrow('cannot be opened with kafka.tls.key_pa')
    // It opens, and is found to be the key of another certificate.
    await expect(tls({ ...client, key, key_password: 'open sesame' })).rejects.toThrow('is not the key of')
  })

  test.each<[string, Given, string]>([
    ['a file that is not there', { ca: '/nowhere.pem' }, 'kafka.tls.ca: /nowhere.pem does not exist; check the path'],
    ['a folder', { ca: here }, `kafka.tls.ca: ${here} is a folder; name a file`],
    ['no PEM', { ca: file('no.pem', 'hello') }, 'holds no certificate in PEM (BEGIN CERTIFICATE)'],
    [
      'garbage between the right lines',
      { ca: file('bad.pem', `${ca.cert}-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n`) },
      'kafka.tls.ca: certificate 2 of',
    ],
    ['a key that is none', { ...client, key: ca.files.cert }, 'holds no private key in PEM (BEGIN PRIVATE KEY)'],
    ['the key of another', { ...client, key: other.files.key }, 'is not the key of the certificate in kafka.tls.cert'],
  ])('are refused by the name of their setting: %s', async (_what, given, sentence) => {
    await expect(tls(given)).rejects.toThrow(sentence)
  })
})

describe('settings that do not go together are refused by name', () => {
  test.each<[Given, string]>([
    [{ 'kafka.tls.ca': '/ca' }, 'the setting kafka.tls.on is missing and must be true with ca'],
    [
      { 'kafka.tls.on': true, 'kafka.tls.cert': '/c' },
      'the setting kafka.tls.key is missing and must be given with cert',
    ],
    [{ 'kafka.tls.on': true, 'kafka.tls.key': '/k' }, 'kafka.tls.cert is missing and must be given with key'],
    [{ 'kafka.sasl.username': 'u' }, 'kafka.sasl.mechanism is missing and must be given with username'],
    [{ 'kafka.sasl.mechanism': 'plain' }, 'kafka.sasl.username is missing and must be given with the mechanism plain'],
    [under('kafka.sasl', who), 'kafka.sasl.password is missing and must be given with the mechanism scram-sha-512'],
    [
      under('kafka.sasl', { ...who, password: 'hunter2', password_file: '/p' }),
      'kafka.sasl.password_file is "/p" and must not be given beside password: choose one',
    ],
    [under('kafka.sasl', { ...who, password: 'x', scope: 's' }), 'kafka.sasl.scope is "s" and must not be given with'],
    [
      { 'kafka.sasl.mechanism': 'oauthbearer' },
      'kafka.sasl.token_file is missing and must be given with the mechanism',
    ],
    [
      under('kafka.sasl', { mechanism: 'oauthbearer', token_url: 'https://x/' }),
      'kafka.sasl.username is missing and must be given with token_url',
    ],
    [{ 'registry.username': 'u' }, 'registry.password is missing and must be given with username'],
    [{ 'registry.password': 'hunter2' }, 'registry.username is missing and must be given with password'],
    [
      under('registry', { token: 'hunter2', username: 'u', password: 'x' }),
      'registry.token is *** and must not be given',
    ],
    [{ 'registry.ca': '/ca' }, 'the setting registry.url is missing and must begin with https:// with ca'],
  ])('%j', (given, sentence) => {
    expect(() => config(given)).toThrow(sentence)
    expect(() => config(given)).not.toThrow('hunter2')
  })
})

test('what is unwise is warned of, and only where it matters', () => {
  const plain = under('kafka.sasl', { mechanism: 'plain', username: 'u', password: 'p' })
  const said = (more: Given) => warnings(config({ engine: 'kafka', ...plain, ...more }))
  expect(said({})).toEqual(['kafka.sasl.mechanism is plain without kafka.tls.on: whoever listens can read the secret'])
  expect(said({ 'kafka.tls.on': true })).toEqual([])
  expect(said({ engine: 'embedded' })).toEqual([])
  expect(said({ 'kafka.tls.on': true, 'registry.token': 't' })).toEqual([
    'registry.url begins with http: whoever listens can read the password or token',
  ])
})

test('a secret that goes to a Milvus of another machine without TLS is worth a warning', () => {
  const said = (more: Given) => warnings(config({ 'store.engine': 'milvus', 'milvus.token': 't', ...more }))
  const sentence = /^milvus\.tls\.on is false and milvus\.address is another machine: whoever listens/
  expect(said({ 'milvus.address': 'far:19530' })).toEqual([expect.stringMatching(sentence)])
  expect(said({ 'milvus.address': 'far:19530', 'milvus.tls.on': true })).toEqual([])
  expect(said({ 'milvus.address': 'far:19530', 'store.engine': 'embedded' })).toEqual([])
  expect(said({ 'milvus.address': 'far:19530', 'milvus.token': null })).toEqual([])
  for (const here of ['127.0.0.1:19530', 'localhost:19530', '[::1]:19530'])
    expect(said({ 'milvus.address': here })).toEqual([])
})

describe('a secret', () => {
  const names = (value: unknown, at: readonly string[] = []): string[] =>
    value !== null && typeof value === 'object'
      ? Object.entries(value).flatMap(([key, each]) => names(each, [...at, key]))
      : [at.join('.')]

  test('is every setting that is one, and nothing else', () => {
    expect(names(Config.parse({})).filter(isSecret)).toEqual([
      'encoder.api_key',
      'vllm.api_key',
      'milvus.password',
      'milvus.token',
      'kafka.tls.key_password',
      'kafka.sasl.password',
      'registry.password',
      'registry.token',
    ])
  })

  test('is shown as stars, also in an address', () => {
    const settings = {
      kafka: { sasl: { password: 'x', username: 'u' } },
      registry: { url: 'http://u:x@h/p', token: null },
    }
    expect(shown(settings)).toEqual({
      ...{ kafka: { sasl: { password: '***', username: 'u' } }, registry: { url: 'http://***@h/p', token: null } },
    })
  })

  test('that was shown as stars and is given back is refused, not sent', () => {
    const given = under('kafka.sasl', { ...who, password: '***' })
    expect(() => config(given)).toThrow('kafka.sasl.password is *** and stands for a secret that was not shown')
  })

  const secret = 'hunter2-[secret'
  test.each<[string, readonly string[], Given?]>([
    [
      'shown as settings',
      [
        '--set',
        `kafka.sasl.password=${secret}`,
        '--set',
        'kafka.sasl.username=u',
        '--set',
        'kafka.sasl.mechanism=plain',
      ],
    ],
    ['shown as JSON', ['--json', '--set', `registry.token=${secret}`]],
    ['from the environment', [], { GAINSTREAM_REGISTRY__TOKEN: secret }],
    ['in an address', ['--set', 'registry.url=http://user:hunter2-secret@host/'], {}],
    ['in a wrong address', ['--set', 'registry.url=ftp://user:hunter2-secret@host/'], {}],
    ['without its mechanism', ['--set', `kafka.sasl.password=${secret}`]],
    ['in the place of its group', ['--set', 'kafka.sasl=hunter2-secret']],
    ['that is no YAML in the place of its group', [], { GAINSTREAM_KAFKA__SASL: secret }],
    ['below its name', ['--set', 'kafka.sasl.password.text=hunter2-secret']],
    ['behind a colon', ['--set', 'kafka.sasl.password:hunter2-secret']],
    ['as an option that there is not', ['--kafka.sasl.password=hunter2-secret']],
    ['as a number in a file', ['--config', file('a.yaml', 'kafka:\n  sasl:\n    password: 7072326\n')]],
    ['as a reference in a file', ['--config', file('b.yaml', 'registry:\n  token: *hunter2-secret\n')]],
    ['as a tag in a file', ['--config', file('c.yaml', 'registry:\n  token: !hunter2-secret\n')]],
    ['as a list in a file', ['--config', file('d.yaml', 'registry:\n  token: [hunter2-secret]\n')]],
    ['under a wrong name in a file', ['--config', file('e.yaml', 'registry:\n  tokn: hunter2-secret\n')]],
  ])('is not repeated: %s', async (_how, args, env = {}) => {
    const { stdout, stderr } = await run(['config', 'show', '--log', 'debug', ...args], {
      cwd: here,
      env: env as never,
    })
    expect(stdout + stderr).not.toBe('')
    expect(stdout + stderr).not.toMatch(/hunter2|7072326/)
  })
})
