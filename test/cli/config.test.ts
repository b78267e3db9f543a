import { writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { home, readConfig } from '../../cli/config.ts'
import { promptFor } from '../../cli/settings.ts'
import { folder, run } from './command.ts'

const here = folder()
afterAll(here.remove)

let files = 0
const yaml = (content: string) => {
  const path = join(here.path, `settings-${files++}.yaml`)
  writeFileSync(path, content)
  return path
}

const file = () => yaml('label:\n  alpha: 0.1\nretrieve:\n  k: 11\n  mode: dense\nstream: filed\n')

describe('a setting', () => {
  test('has its default where nobody gives it', () => {
    const { label, retrieve, stream } = readConfig({ file: yaml(''), env: {} })
    expect([label.alpha, retrieve.k, retrieve.mode, stream]).toEqual([0.5, 20, 'fused', 'main'])
  })

  test('is taken from a flag before the environment, from there before the file, from there before the command', () => {
    const env = { GAINSTREAM_LABEL__ALPHA: '0.2', GAINSTREAM_RETRIEVE__K: '12' }
    const of = (sources: object) => {
      const { label, retrieve, generate } = readConfig({ env: {}, ...sources })
      return [label.alpha, retrieve.k, retrieve.mode, generate.answer_tokens]
    }
    const defaults = { 'label.alpha': 0.7, 'generate.answer_tokens': 16 }
    expect(of({ file: file(), defaults })).toEqual([0.1, 11, 'dense', 16])
    expect(of({ file: file(), env })).toEqual([0.2, 12, 'dense', 32])
    expect(of({ file: file(), env, set: ['label.alpha=0.3'] })).toEqual([0.3, 12, 'dense', 32])
    expect(of({ file: file(), env, set: ['label.alpha=0.3'], flags: { 'label.alpha': 0.4 } })).toEqual([
      0.4,
      12,
      'dense',
      32,
    ])
  })

  test('that a flag leaves out keeps what it had', () => {
    expect(readConfig({ file: file(), env: {}, flags: { 'label.alpha': undefined, stream: undefined } })).toMatchObject(
      {
        label: { alpha: 0.1 },
        stream: 'filed',
      },
    )
  })

  test('that nobody knows is refused wherever it stands, with its place', () => {
    const reading = (sources: object) => () => readConfig({ env: {}, ...sources })
    const path = yaml('retrieve:\n  k: 3\n  colour: 4\n')
    expect(reading({ file: path })).toThrow(`${path} line 3: there is no setting retrieve.colour`)
    expect(reading({ file: yaml('labels: {}\n') })).toThrow('there is no setting labels; did you mean label')
    expect(reading({ env: { GAINSTREAM_ALPHA: '1' } })).toThrow(
      'GAINSTREAM_ALPHA: there is no setting alpha; did you mean label.alpha?',
    )
    expect(reading({ set: ['prompts.nq.text=x'] })).toThrow(
      '--set prompts.nq.text: there is no setting prompts.nq.text',
    )
  })

  test('that is a text may look like a number', () => {
    expect(readConfig({ env: { GAINSTREAM_STREAM: '2026' } }).stream).toBe('2026')
    expect(readConfig({ env: {}, set: ['prefix=0123'] }).prefix).toBe('0123')
    expect(() => readConfig({ file: yaml('stream: 2026\n'), env: {} })).toThrow('must be a text')
  })

  test('may have a heading whose settings are all commented out', () => {
    expect(readConfig({ file: yaml('label:\n  # alpha: 1\n'), env: {} }).label.alpha).toBe(0.5)
  })

  test('is known by the place where somebody chose it', () => {
    const path = file()
    const { chosen } = readConfig({ file: path, env: {}, set: ['label.alpha=0.3'] })
    expect(Object.fromEntries(chosen ?? [])).toEqual({
      'label.alpha': '--set label.alpha',
      'retrieve.k': `${path} line 4`,
      'retrieve.mode': `${path} line 5`,
      stream: `${path} line 6`,
    })
  })

  test('of one prompt leaves the others and its own other parts as they are', () => {
    const { prompts } = readConfig({ env: {}, set: ['prompts.nq.system=Be brief.'] })
    expect(prompts.nq).toEqual({ ...prompts.default, system: 'Be brief.' })
    expect(prompts.default.system).not.toBe('Be brief.')
  })

  test.each([
    ['prompts.default.user=Say {question}', 'prompts.default.user', '{evidence}'],
    ['prompts.nq.user=Say {question}', 'prompts.nq.user', '{evidence}'],
    ['prompts.nq.user=Given {evidence}', 'prompts.nq.user', '{question}'],
    ['prompts.default.passage={title}', 'prompts.default.passage', '{text}'],
    ['imagine.prompt.passage={title}', 'imagine.prompt.passage', '{text}'],
    ['imagine.prompt.user=Write.', 'imagine.prompt.user', '{question}'],
  ])('%s would lose what the reader needs, and is refused', (given, name, place) => {
    const [, value] = given.split('=')
    const quoted = given.replace('=', "='") + "'"
    const said = `--set ${name}: the setting ${name} is ${JSON.stringify(value)} and must hold ${place}`
    expect(() => readConfig({ env: {}, set: [quoted] })).toThrow(said)
  })

  test('may let the reader imagine without any evidence', () => {
    expect(readConfig({ env: {}, set: ["imagine.prompt.user='On {question}'"] }).imagine.prompt.user).toBe(
      'On {question}',
    )
  })

  test('cannot promise the reader more passages than the selector keeps', () => {
    const set = ['generate.passages=3', 'select.keep=2']
    const said = '--set generate.passages: the setting generate.passages is 3 and must not be more than select.keep'
    expect(() => readConfig({ env: {}, set })).toThrow(said)
    expect(readConfig({ env: {}, set: ['generate.passages=3', 'select.keep=3'] }).generate.passages).toBe(3)
  })

  test('for the prompt of a dataset is its own, whatever the dataset is called', () => {
    const config = readConfig({ env: {}, set: ['prompts.nq.system=Be brief.'] })
    expect(promptFor(config)('nq').system).toBe('Be brief.')
    for (const dataset of ['constructor', 'toString', '__proto__', '', 'other'])
      expect(promptFor(config)(dataset)).toBe(config.prompts.default)
  })

  test('for the data folder may come from the environment, as any other', () => {
    expect(readConfig({ env: { GAINSTREAM_DATA: 'elsewhere' } }).data).toBe('elsewhere')
    expect(readConfig({ env: { GAINSTREAM_BENCHMARK: 'elsewhere' } }).data).toBe('.gainstream')
    expect(() => readConfig({ env: { GAINSTREAM_BOOTSTRAPPED: '1' } })).toThrow('there is no setting bootstrapped')
  })

  test('for the home of models is unset where it is empty', () => {
    expect(home({ GAINSTREAM_HOME: '', XDG_CACHE_HOME: '/cache' })).toBe(join('/cache', 'gainstream'))
    expect(home({ GAINSTREAM_HOME: '', XDG_CACHE_HOME: '' })).toBe(join(homedir(), '.cache', 'gainstream'))
    expect(home({ GAINSTREAM_HOME: '/models' })).toBe('/models')
  })
})

describe('config show', () => {
  const show = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const { code, stdout, stderr } = await run(['config', 'show', ...args], { cwd: here.path, env })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return stdout
  }

  test('prints what can be given back as a file, and the same as JSON', async () => {
    const shown = await show(['--set', 'label.alpha=0.3', '--stream', 'shown'])
    const path = yaml(shown)
    expect(await show(['--config', path])).toBe(shown)
    expect(JSON.parse(await show(['--config', path, '--json']))).toEqual(parse(shown))
    expect(parse(shown)).toMatchObject({ label: { alpha: 0.3 }, stream: 'shown' })
  })

  test('finds gainstream.yaml in the folder it is called in, but for another file named by variable or flag', async () => {
    writeFileSync(join(here.path, 'gainstream.yaml'), 'stream: found\n')
    const [byVariable, byFlag] = [yaml('stream: variable\n'), yaml('stream: flag\n')]
    const stream = async (...given: Parameters<typeof show>) =>
      (parse(await show(...given)) as { stream: string }).stream
    expect(await stream([])).toBe('found')
    expect(await stream([], { GAINSTREAM_CONFIG: byVariable })).toBe('variable')
    expect(await stream(['-c', byFlag], { GAINSTREAM_CONFIG: byVariable })).toBe('flag')
  })
})
