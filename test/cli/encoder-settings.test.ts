/** The settings of the encoder: what they may be, what goes together, and what of them a stream keeps. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { presets, usage } from '../../adapters/models/presets.ts'
import { encoderAccess, warnings } from '../../cli/access.ts'
import { readConfig } from '../../cli/config.ts'
import { shown } from '../../cli/secrets.ts'
import { asStream, manifest } from '../../cli/settings.ts'
import type { StreamEntry } from '../../schemas/control.ts'
import { folder } from './command.ts'

const here = folder()
afterAll(here.remove)
const config = (...set: string[]) => readConfig({ env: {}, set })
const served = 'encoder.engine=server'

test('a preset gives what its family was trained with, and a setting goes before it', () => {
  expect(usage({}, 'contriever')).toEqual({ pooling: 'mean', normalised: false, query_prefix: '', passage_prefix: '', max_tokens: 512 }) // prettier-ignore
  expect(usage({ max_tokens: 128, query_prefix: '', normalised: null }, 'e5')).toEqual({ ...presets.e5, max_tokens: 128, query_prefix: '' }) // prettier-ignore
  expect(usage({ pooling: 'cls', max_tokens: null })).toEqual({ pooling: 'cls' })
})

test.each<[string[], string]>([
  [['encoder.engine=vllm'], 'encoder.engine is "vllm" and must be onnx or server'],
  [['encoder.preset=e6'], 'encoder.preset is "e6" and must be'],
  [['encoder.pooling=max'], 'encoder.pooling is "max" and must be'],
  [['encoder.max_tokens=0'], 'encoder.max_tokens is 0 and must be 1 or more'],
  [['encoder.urls=http://a:1'], 'must be left out, or encoder.engine must be server'],
  [[served, 'encoder.pooling=cls'], 'encoder.pooling is "cls" and must not be given where encoder.engine is server'],
  [[served, 'encoder.urls=a:1'], 'encoder.urls is "a:1" and must hold addresses that begin with http://'],
  [[served, 'encoder.urls=http://u:hunter2@a'], 'must hold no user: give encoder.api_key'],
  [[served, 'encoder.urls=http://a/?x'], 'must hold addresses without ? and #'],
  [[served, 'encoder.ca=/ca.pem'], 'must begin with https:// with ca'],
  [
    [served, 'encoder.api_key=a', 'encoder.api_key_file=b'],
    'encoder.api_key_file is "b" and must not be given beside api_key',
  ],
  [[served, 'encoder.timeout=0'], 'encoder.timeout is 0 and must be more than 0'],
  [[served, 'encoder.batch=4096'], 'encoder.batch is 4096 and must be 2048 or less'],
])('%s is refused by name', (set, sentence) => {
  const under = () => config(...set)
  expect(under).toThrow(sentence)
  expect(under).not.toThrow('hunter2')
})

describe('the key', () => {
  test('comes from a setting or a file, and is never shown', async () => {
    const path = join(here.path, 'key')
    writeFileSync(path, 'hunter2\n')
    const urls = ['https://a', 'https://b/llm']
    const set = [served, 'encoder.urls=https://a/v1,https://b/llm/v1/']
    expect(await encoderAccess(config(...set, `encoder.api_key_file=${path}`))).toEqual({ urls, apiKey: 'hunter2' })
    const given = config(...set, 'encoder.api_key=hunter2')
    expect(await encoderAccess(given)).toEqual({ urls, apiKey: 'hunter2' })
    expect(JSON.stringify(shown(given))).not.toContain('hunter2')
    expect(() => config('encoder=hunter2')).not.toThrow('hunter2')
  })

  test('that travels in clear text is worth a warning', () => {
    const sentence = 'encoder.urls holds an address with http: whoever listens can read the key'
    expect(warnings(config(served, 'encoder.urls=http://far:1', 'encoder.api_key=k'))).toEqual([sentence])
    expect(warnings(config(served, 'encoder.api_key=k'))).toEqual([])
    expect(warnings(config(served, 'encoder.urls=https://far', 'encoder.api_key=k'))).toEqual([])
  })
})

describe('a stream', () => {
  const kept = ['encoder.preset=e5', 'encoder.pooling=cls', 'encoder.normalised=true', 'encoder.query_prefix=q', 'encoder.passage_prefix=p', 'encoder.max_tokens=64', 'encoder.model=other', served] // prettier-ignore
  const free = [
    'encoder.threads=1',
    'encoder.workers=3',
    'encoder.batch=8',
    'encoder.concurrency=1',
    'encoder.timeout=1',
  ]

  test('keeps what changes vectors, and nothing of where they are made', () => {
    const { hash } = manifest(config())
    for (const set of kept) expect([set, manifest(config(set)).hash]).not.toEqual([set, hash])
    for (const set of free) expect([set, manifest(config(set)).hash]).toEqual([set, hash])
    expect(manifest(config(served, 'encoder.urls=http://a:1')).hash).toBe(manifest(config(served)).hash)
  })

  test('that was made before these settings were there is the same stream', () => {
    expect(manifest(config()).settings).toContain('"encoder":{"model":null}')
  })

  test('refuses another preset by name, and its own is taken where nobody says anything', () => {
    const entry = { stream: 's', ...manifest(config('encoder.preset=bge')) } as unknown as StreamEntry
    expect(asStream(config(), entry).encoder.preset).toBe('bge')
    expect(() => asStream(config('encoder.preset=e5'), entry)).toThrow('stream s was made with encoder.preset = "bge"')
  })
})
