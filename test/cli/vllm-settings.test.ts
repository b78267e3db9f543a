/** The settings of a reader on vLLM: what they may be, what goes together, and what of them a stream keeps. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { vllmAccess, warnings } from '../../cli/access.ts'
import type { Io } from '../../cli/command.ts'
import { readConfig } from '../../cli/config.ts'
import { changes, derivedConfig, sourceConfig } from '../../cli/replay/settings.ts'
import { shown } from '../../cli/secrets.ts'
import { asStream, manifest } from '../../cli/settings.ts'
import type { StreamEntry } from '../../schemas/control.ts'
import { folder, run } from './command.ts'

const here = folder()
afterAll(here.remove)
const file = (name: string, content: string) => {
  const path = join(here.path, name)
  writeFileSync(path, content)
  return path
}

const config = (...set: string[]) => readConfig({ env: {}, set })
const under = (set: string[]) => () => config(...set)

describe('servers', () => {
  test('are one on this machine, where nobody says anything', () => {
    expect(config().vllm).toMatchObject({ urls: ['http://127.0.0.1:8000'], concurrency: { start: 2, max: 8 } })
    expect(config().reader.engine).toBe('embedded')
  })

  test('are given as a list or as one text, with or without /v1, each once', () => {
    const urls = ['http://a:8000', 'https://b/llm']
    expect(config('vllm.urls=http://a:8000/v1, https://b/llm/v1/,http://a:8000/').vllm.urls).toEqual(urls)
    expect(config('vllm.urls=["http://a:8000/", "https://b/llm"]').vllm.urls).toEqual(urls)
    expect(readConfig({ env: { GAINSTREAM_VLLM__URLS: 'http://a:1/v1' } }).vllm.urls).toEqual(['http://a:1'])
  })

  test('are what the adapter is told to ask: a list, a file, or all addresses of a name', async () => {
    const source = async (...set: string[]) => (await vllmAccess(config(...set))).source
    expect(await source('vllm.urls=http://a:1,http://b:2')).toEqual({
      ...{ kind: 'list', urls: ['http://a:1', 'http://b:2'] },
    })
    expect(await source('vllm.urls=http://a:1', 'vllm.resolve=true')).toEqual({ kind: 'dns', url: 'http://a:1' })
    const path = file('servers', 'http://a:1\n')
    expect(await source(`vllm.file=${path}`)).toEqual({ kind: 'file', path })
    await expect(source('vllm.file=/nowhere')).rejects.toThrow('vllm.file: /nowhere does not exist; check the path')
  })

  test.each<[string, string]>([
    ['vllm.urls=a:8000', 'vllm.urls is "a:8000" and must hold addresses that begin with http:// or https://'],
    ['vllm.urls=http://u:hunter2@a', 'vllm.urls is "http://***@a" and must hold no user: give vllm.api_key'],
    ['vllm.urls=http://a/?x=1', 'must hold addresses without ? and #'],
    ['vllm.urls=[]', 'the setting vllm.urls must be a list'],
    ['vllm.concurrency.start=9', 'vllm.concurrency.start is 9 and must not be above vllm.concurrency.max (8)'],
    ['vllm.concurrency.max=0', 'vllm.concurrency.max is 0 and must be 1 or more'],
    ['vllm.timeout=0', 'vllm.timeout is 0 and must be more than 0'],
    ['reader.engine=vlm', 'reader.engine is "vlm" and must be embedded or vllm'],
    ['label.measure=lots', 'label.measure is "lots" and must be contrastive or plain'],
  ])('%s is refused by name', (set, sentence) => {
    expect(under([set])).toThrow(sentence)
  })

  test.each<[string[], string]>([
    [['vllm.file=/x', 'vllm.urls=http://a'], 'vllm.file is "/x" and must not be given beside urls: choose one'],
    [['vllm.file=/x', 'vllm.resolve=true'], 'vllm.resolve is true and must not be true beside file'],
    [
      ['vllm.urls=http://a,http://b', 'vllm.resolve=true'],
      'vllm.urls is "http://a,http://b" and must hold one address',
    ],
    [['vllm.ca=/ca'], 'vllm.urls is missing and must begin with https:// with ca'],
    [
      ['vllm.api_key=hunter2', 'vllm.api_key_file=/k'],
      'vllm.api_key_file is "/k" and must not be given beside api_key',
    ],
  ])('%j do not go together', (set, sentence) => {
    expect(under(set)).toThrow(sentence)
  })
})

describe('the key', () => {
  test('comes from the environment as it is, or from a file, and is shown nowhere', async () => {
    const given = readConfig({ env: { GAINSTREAM_VLLM__API_KEY: '0123' } })
    expect((await vllmAccess(given)).apiKey).toBe('0123')
    expect(JSON.stringify(shown(given))).not.toContain('0123')
    expect((await vllmAccess(config(`vllm.api_key_file=${file('key', 'k w\n')}`))).apiKey).toBe('k w')
    const empty = file('empty', '\n')
    await expect(vllmAccess(config(`vllm.api_key_file=${empty}`))).rejects.toThrow(
      `vllm.api_key_file: ${empty} is empty; it must hold the key`,
    )
    const { stdout } = await run(['config', 'show', '--set', 'vllm.api_key=hunter2', '--json'], { cwd: here.path })
    expect(JSON.parse(stdout)).toMatchObject({ vllm: { api_key: '***' } })
    expect(under(['vllm=hunter2'])).toThrow('the setting vllm is *** and must be a group of settings')
  })

  test('over http to another machine is warned of', () => {
    const said = (...set: string[]) => warnings(config('reader.engine=vllm', 'vllm.api_key=x', ...set))
    expect(said('vllm.urls=http://a:8000')).toEqual([
      'vllm.urls holds an address with http: whoever listens can read the key',
    ])
    expect([said(), said('vllm.urls=https://a'), said('vllm.urls=http://localhost:1')]).toEqual([[], [], []])
    expect(warnings(config('vllm.api_key=x', 'vllm.urls=http://a:8000'))).toEqual([])
  })
})

describe('how a gain is measured', () => {
  test.each<[string[], string]>([
    [
      ['label.approximate=true'],
      'label.approximate is true and must be false with the embedded reader, which is always exact; or choose --reader',
    ],
    [
      ['reader.engine=vllm', 'label.approximate=true', 'label.measure=plain', 'distil.measure=plain'],
      'label.approximate is true and must be false where label.measure is plain: the plain measure is exact',
    ],
    [
      ['label.measure=plain', 'distil.measure=contrastive'],
      'distil.measure is "contrastive" and must be plain where label.measure is plain: there are no contrastive figures',
    ],
    [['label.measure=plain'], 'the setting distil.measure is missing and must be plain where label.measure is plain'],
  ])('%j do not go together', (set, sentence) => {
    expect(under(set)).toThrow(sentence)
  })

  test('may be plain with either reader, and approximate with vLLM', () => {
    const plain = ['label.measure=plain', 'distil.measure=plain']
    expect(config(...plain).label).toMatchObject({ measure: 'plain', approximate: false })
    expect(config('reader.engine=vllm', ...plain).label.measure).toBe('plain')
    expect(config('reader.engine=vllm', 'label.approximate=true').label.approximate).toBe(true)
  })

  test('and by which reader is named by the flag that was given', () => {
    expect(() => readConfig({ env: {}, flags: { 'reader.engine': 'vlm' } })).toThrow('--reader: the setting reader.eng')
  })
})

describe('a replay', () => {
  const io: Io = { env: {}, out() {}, screen: { tty: false, write() {} }, signal: new AbortController().signal }
  const entry = (...set: string[]) => ({ stream: 'main', partitions: 2, ...manifest(config(...set)) }) as StreamEntry

  test('is measured by another reader where --reader says so, and by that of its source where nobody does', () => {
    const flags = { set: [], reader: 'vllm' }
    expect(sourceConfig(io, flags, 'main').reader.engine).toBe('embedded')
    const derived = derivedConfig(io, flags, entry(), 'again')
    expect(changes(entry(), derived)).toEqual([{ setting: 'reader.engine', from: 'embedded', to: 'vllm' }])
    const theirs = entry('reader.engine=vllm', 'vllm.model=m')
    const kept = derivedConfig(io, { set: ['label.alpha=0.1'] }, theirs, 'again')
    expect([kept.reader.engine, kept.vllm.model]).toEqual(['vllm', 'm'])
    expect(changes(theirs, kept)).toEqual([{ setting: 'label.alpha', from: 0.5, to: 0.1 }])
  })

  test('may name its servers anew, and who serves is no change', () => {
    const theirs = entry('reader.engine=vllm')
    const kept = derivedConfig(io, { set: ['vllm.urls=http://b', 'vllm.model=n'] }, theirs, 'again')
    expect(kept.vllm).toMatchObject({ urls: ['http://b'], model: 'n' })
    expect(changes(theirs, kept)).toEqual([{ setting: 'vllm.model', from: null, to: 'n' }])
  })
})

describe('a stream', () => {
  const entry = (settings: string) => ({ stream: 'main', settings }) as StreamEntry
  const old = () => manifest(config())

  test('of the embedded reader that was made before has the hash that it had', () => {
    expect(old().hash).toBe('a81ec3f4be8229e7')
    expect(manifest(config('prompts.nq.system=Be')).hash).toBe('945bfdd9d8cb1f2d')
    expect(manifest(config('vllm.urls=http://a', 'vllm.api_key=x', 'reader.engine=embedded')).hash).toBe(old().hash)
  })

  test('keeps which reader it has, under which name it is served, and how it measures', () => {
    const given = ['reader.engine=vllm', 'vllm.model=m', 'label.measure=plain', 'distil.measure=plain']
    const { settings, hash } = manifest(config(...given))
    expect(JSON.parse(settings)).toMatchObject({
      ...{ reader: { engine: 'vllm' }, vllm: { model: 'm' }, label: { measure: 'plain' } },
    })
    expect(hash).not.toBe(old().hash)
    expect(settings).not.toContain('8000')
    const adopted = asStream(config('vllm.urls=http://a'), entry(settings))
    expect(adopted).toMatchObject({
      reader: { engine: 'vllm' },
      label: { measure: 'plain' },
      distil: { measure: 'plain' },
    })
    expect(adopted.vllm).toMatchObject({ model: 'm', urls: ['http://a'] })
  })

  test('that does not name a setting because it came later has what was so until then', () => {
    const { settings } = old()
    expect(() => asStream(config('reader.engine=vllm'), entry(settings))).toThrow(
      'was made with reader.engine = "embedded", not "vllm" (--set reader.engine), and its settings never change',
    )
    expect(asStream(config('reader.engine=embedded', 'label.measure=contrastive'), entry(settings)).label.alpha).toBe(
      0.5,
    )
    const plain = manifest(config('label.measure=plain', 'distil.measure=plain')).settings
    expect(() => asStream(config('label.measure=contrastive'), entry(plain))).toThrow(
      'was made with label.measure = "plain", not "contrastive"',
    )
  })
})
