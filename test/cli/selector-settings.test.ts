/** Which selector a configuration names, and what of it is content. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { join } from 'node:path'
import { writeSelector } from '../../adapters/selectors/index.ts'
import { readConfig } from '../../cli/config.ts'
import { pinned } from '../../cli/selectors/pinning.ts'
import { differences } from '../../cli/selectors/trained.ts'
import { asStream, manifest } from '../../cli/settings.ts'
import { answering, promptHash } from '../../method/prompt.ts'
import type { SelectorSettings, Trained } from '../../method/selector.ts'
import type { StreamEntry } from '../../schemas/control.ts'
import { folder } from './command.ts'

const config = (...set: string[]) => readConfig({ env: {}, set })
const said = (...set: string[]) => (JSON.parse(manifest(pinned(config(...set))).settings) as { select: object }).select

const light = async () => {
  const { path, remove } = folder()
  onTestFinished(remove)
  const linear = { features: ['length'], mean: [0], scale: [1], weights: [1] }
  const made = await writeSelector(join(path, 'it'), {
    ...{ name: 'it', encoder: null, linear, min_score: null, trained: null },
  })
  return { at: made.path, sha256: made.identity.sha256 }
}

describe('the manifest of a stream', () => {
  test('without a selector is what it was before there were any', () => {
    expect(said()).toEqual({ by: 'retrieval', keep: 1 })
  })

  test('says follow, whichever selector is in force, also where nobody said so', () => {
    expect(said('select.by=model')).toEqual({ by: 'model', keep: 1, model: 'follow' })
    expect(said('select.by=model', 'select.model=follow')).toEqual(said('select.by=model'))
  })

  test('holds the content of a selector that was named by its folder, and not its place', async () => {
    const { at, sha256 } = await light()
    const by = ['select.by=model', `select.model=${at}`]
    expect(said(...by)).toEqual({ by: 'model', keep: 1, model: sha256 })
    expect(said(...by)).toEqual(said('select.by=model', `select.model=${sha256}`))
    expect(pinned(config(...by)).folders?.get(sha256)).toBe(at)
    expect(pinned(pinned(config(...by)))).toEqual(pinned(config(...by)))
  })

  test('holds the first one of two in a row', async () => {
    const { at, sha256 } = await light()
    const cascade = [`select.cascade.first=${at}`, 'select.cascade.narrow=10']
    expect(said('select.by=model', ...cascade)).toEqual({
      ...{ by: 'model', keep: 1, model: 'follow', cascade: { first: sha256, narrow: 10 } },
    })
  })

  test('is taken over by whoever gives none of it, and by whoever names the same folder', async () => {
    const { at } = await light()
    const mine = pinned(config('select.by=model', `select.model=${at}`, 'select.cascade.narrow=7', `select.cascade.first=${at}`)) // prettier-ignore
    const entry = { stream: 'main', partitions: 1, ...manifest(mine) } as StreamEntry
    expect(asStream(pinned(config()), entry).select).toEqual(mine.select)
    expect(asStream(pinned(config(`select.by=model`, `select.model=${at}`)), entry).select).toEqual(mine.select)
    expect(() => asStream(pinned(config('select.by=model', 'select.model=follow')), entry)).toThrow(
      /stream main was made with select\.model = "[0-9a-f]{64}", not "follow"/,
    )
  })
})

test.each([
  ['select.model=follow', 'select.model', 'must be left out, or select.by must be model'],
  ['select.cascade.first=x', 'select.cascade.first', 'must be left out, or select.by must be model'],
])('%s without a model is refused', (set, setting, why) => {
  expect(() => config(set)).toThrow(setting)
  expect(() => config(set)).toThrow(why)
})

test('a cascade that lets through fewer than are kept is refused', () => {
  const set = ['select.by=model', 'select.keep=3', 'select.cascade.first=x', 'select.cascade.narrow=2']
  expect(() => config(...set)).toThrow('select.cascade.narrow')
})

test('a folder without a selector is told of', () => {
  expect(() => pinned(config('select.by=model', 'select.model=/no/such'))).toThrow(
    "the setting select.model names /no/such, which holds no selector.json: give follow, a sha256, or a selector's folder",
  )
})

describe('a selector that was trained for something else', () => {
  const trained: Trained = {
    ...{
      base: null,
      run: 'p.s/r',
      settings: 'x',
      prompts: [promptHash(answering)],
      measure: 'contrastive',
      alpha: 0.5,
    },
    ...{ groups: 10, seed: 1, at: 0 },
  }
  const about = (more: Partial<Trained>, ...set: string[]) =>
    differences({ name: 'it', trained: { ...trained, ...more } } as SelectorSettings, config(...set))

  test('is warned of: α, measure and prompt', () => {
    expect(about({})).toEqual([])
    expect(about({ alpha: 0.3 })).toEqual(["it was trained with α 0.3, and this stream's is 0.5 (label.alpha)"])
    expect(about({ measure: 'plain', alpha: 0 })).toEqual([
      "it was trained on plain gains, and this stream's are contrastive (distil.measure)",
    ])
    expect(about({ prompts: ['beef'] })).toEqual([
      "it was trained under another prompt (beef) than any of this stream's",
    ])
    expect(about({ prompts: [promptHash({ ...answering, system: 'Be' })] }, 'prompts.nq.system=Be')).toEqual([])
  })
})
