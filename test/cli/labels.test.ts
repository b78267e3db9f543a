import { describe, expect, test } from 'vitest'
import { qualityAlarms } from '../../cli/compare/alarms.ts'
import { labelsText, qualityText } from '../../cli/compare/labels-text.ts'
import { compareLabels } from '../../cli/compare/labels.ts'
import { labelQuality, type Quality } from '../../cli/compare/quality.ts'
import { relabel, relabelled, type Flags } from '../../cli/commands/relabel.ts'
import { begun, flagsOf, many, valuesIn } from './replay-bench.ts'
import { io } from './replaying.ts'
import { run } from './command.ts'
import { gains, samples } from '../../topics/index.ts'
import { bestBy } from '../../method/gain.ts'

const measured = { n: 10, mean: 0, interval: [0, 0] }
const good: Quality = {
  ...{ stream: 's', run: 'r', queries: 10, labelled: 10, approximate: 0, measures: ['contrastive'], alphas: [0.5] },
  scorers: [{ model: 'm', revision: '', dtype: '', server: '', runner: '', plugin: '', prompt: null }],
  ...{ passages: { scored: 100, unscored: 0 }, perplexity: { '50%': 2 }, entropy: { ...measured, mean: 60 } },
  ...{ generated_wins: { ...measured, mean: 20 }, flat: measured, nothing_gains: measured },
  contrast: { same_first: { ...measured, mean: 80 }, kendall: { ...measured, mean: 70 } },
  teacher: {
    ...{ hit: { ...measured, mean: 80 }, first_retrieved: { ...measured, mean: 70 } },
    against_first: {
      n: 10,
      won: 2,
      lost: 1,
      tied: 7,
      difference: { n: 10, mean: 10, interval: [2, 18] },
      detectable: 5,
    },
  },
  filter: { kept: 8, filtered: 2, reasons: { 'wrong answer': 2 } },
}

describe('the alarms of labels', () => {
  test('are none where nothing stands out', () => {
    expect(qualityAlarms(good)).toEqual([])
  })

  test.each<[string, Partial<Quality>, RegExp]>([
    ['generated passages that win', { generated_wins: { ...measured, mean: 60 } }, /^a passage that the reader wrote itself wins in 60\.0 %/],
    ['flat groups', { flat: { ...measured, mean: 30 } }, /^30\.0 % of the groups are flat/],
    ['passages that help nobody', { nothing_gains: { ...measured, mean: 51 } }, /^in 51\.0 % of the queries no passage helps/],
    ['a contrast that does nothing', { contrast: { ...good.contrast, same_first: { ...measured, mean: 100 } } }, /^the contrast changes the choice in 0\.0 %/],
    ['a contrast that changes all', { contrast: { ...good.contrast, same_first: { ...measured, mean: 10 } } }, /choose the same passage in 10\.0 % .* only: look at α/],
    ['unscored passages', { passages: { scored: 90, unscored: 10 } }, /^10\.0 % of the passages could not be scored/],
    ['a filter that takes nearly all', { filter: { kept: 1, filtered: 9, reasons: { 'wrong answer': 9 } } }, /^90\.0 % .* filtered: wrong answer/],
    ['approximate figures', { approximate: 3 }, /^3 queries were measured from the likeliest tokens only/],
    ['two scorers', { scorers: [good.scorers[0]!, good.scorers[0]!] }, /^2 scorers or prompts measured/],
    ['two α', { alphas: [0, 0.5] }, /several measures or α/],
    ['a teacher no better than retrieval', { teacher: { ...good.teacher!, against_first: { ...good.teacher!.against_first, difference: { n: 10, mean: 1, interval: [-3, 5] } } } }, /that labels choose better than the order of retrieval is not shown/],
    ['nothing labelled', { labelled: 0 }, /^no query has two scored passages/],
  ])('say in a sentence: %s', (_what, change, sentence) => {
    const alarms = qualityAlarms({ ...good, ...change })
    expect(alarms).toHaveLength(1)
    expect(alarms[0]).toMatch(sentence)
  }) // prettier-ignore
})

describe('the labels of a run', () => {
  test('are judged from its gains and samples, and the command fails with --strict where something stands out', async () => {
    const { stream, settings } = await begun('embedded', many(6))
    const found = await labelQuality(stream, { stream: 'main', run: 'r' })
    const records = await valuesIn(stream, gains)
    const same = records.filter(({ gains: all }) => bestBy('contrastive', all)?.passage_id === bestBy('plain', all)?.passage_id) // prettier-ignore
    expect(found).toMatchObject({ queries: 6, labelled: 6, filter: { kept: 6, filtered: 0 }, generated_wins: null })
    expect(found.contrast.same_first!.mean).toBeCloseTo((100 * same.length) / 6)
    const nlls = records.flatMap(({ gains: all }) => all.map((gain) => Math.exp(gain.mean_nll!))).sort((a, b) => a - b)
    expect(found.perplexity!['50%']).toBeCloseTo(nlls[Math.floor((nlls.length - 1) / 2)]!, 9)
    expect(found.passages.scored).toBe(nlls.length)
    expect(found.teacher).toBeNull()
    expect(qualityText(found)).toMatch(/^main\/r: 6 of 6 queries labelled, \d+ passages scored, 0 not$/m)
    const { data, prefix } = settings as Record<string, string>
    const args = ['labels', 'main/r', '--data', data!, '--prefix', prefix!, '--strict', '--json']
    const ended = await run(args, { cwd: data! })
    expect(JSON.parse(ended.stdout)).toEqual(JSON.parse(JSON.stringify(found)))
    expect(ended.code).toBe(found.alarms.length > 0 ? 1 : 0)
    expect(ended.stderr.includes('alarm')).toBe(found.alarms.length > 0)
  })
})

describe('a query that was worked on again', () => {
  test('counts once, in the labels and in what the filter decided', async () => {
    const { stream, inject, worked } = await begun('embedded', many(4))
    await inject('label', { execute: true })
    await worked()
    expect((await valuesIn(stream, samples)).length).toBe(8)
    const found = await labelQuality(stream, { stream: 'main', run: 'r' })
    expect(found).toMatchObject({ queries: 4, labelled: 4, filter: { kept: 4, filtered: 0 } })
  })
})

describe('labels that are measured again', () => {
  test('under another α are set against the old ones: how often the first passage changes, and in which queries', async () => {
    const { stream, replay } = await begun('embedded', many(8))
    await replay('again', { set: ['label.alpha=3'], execute: true })
    const [found] = await relabelled(stream, 'again', 3)
    const first = async (name: string) => {
      const own = await valuesIn(stream.as({ ...stream.config, stream: name }), gains)
      return new Map(own.map((each) => [each.query.id, bestBy('contrastive', each.gains)?.passage_id]))
    }
    const [a, b] = [await first('main'), await first('again')]
    const changed = [...a].filter(([id, passage]) => b.get(id) !== passage).map(([id]) => id)
    expect(found).toMatchObject({ both: 8, changed: changed.length, hit: null })
    expect(found!.changed_first!.micro.mean).toBeCloseTo((100 * changed.length) / 8)
    expect(found!.listed.map(({ id }) => id).every((id) => changed.includes(id))).toBe(true)
    expect(found!.listed).toHaveLength(Math.min(3, changed.length))
    expect(labelsText(found!)).toContain('another passage is first')
  })

  test('by the plain measure take the gains that are there', async () => {
    const { stream, replay, settings } = await begun('embedded', many(5))
    await replay('plain', { set: ['distil.measure=plain'], execute: true }, 'gains')
    const [found] = await relabelled(stream, 'plain', 20)
    const records = await valuesIn(stream, gains)
    const changed = records.filter(({ gains: all }) => bestBy('contrastive', all)?.passage_id !== bestBy('plain', all)?.passage_id) // prettier-ignore
    expect(found).toMatchObject({ both: 5, changed: changed.length, a: { measure: 'contrastive' }, b: { measure: 'plain', stream: 'main' } }) // prettier-ignore
    const positives = await valuesIn(stream.as({ ...stream.config, stream: 'plain' }), samples)
    for (const { id, b } of found!.listed)
      expect(positives.find(({ query }) => query.id === id)!.passages[0]!.id).toBe(b.id)
    const { data, prefix } = settings as Record<string, string>
    const named = await run(['labels', 'main/r', 'plain/r', '--data', data!, '--prefix', prefix!], { cwd: data! })
    expect([named.code, named.stderr]).toEqual([1, expect.stringMatching(/plain\/r has no gains of its own/)])
  })

  test('of runs without a query in common are told to be so', async () => {
    const { stream } = await begun('embedded', many(2))
    const found = await compareLabels(stream, { stream: 'main', run: 'r' }, { stream: 'main', run: 'nobody' }, 5)
    expect(found).toMatchObject({
      both: 0,
      changed_first: null,
      alarms: [expect.stringContaining('no query') as string],
    })
  })

  test('are planned before anything is done, and made from the topic that the change needs', async () => {
    const { settings, world, derived } = await begun('embedded', many(6))
    const relabelling = async (text: string, more: Partial<Flags>) => {
      const said: string[] = []
      const { run: _run, key: _key, ...flags } = flagsOf(settings, {})
      const hearing = { ...io(), out: (line: string) => void said.push(line) }
      await relabel(hearing, text, { ...flags, as: 'again', limit: 2, ...more })(world)
      return JSON.parse(said.at(-1)!) as { replay: object; compared: { both: number; a: { stream: string } }[] }
    }
    const changed = [{ setting: 'label.alpha', from: 0.5, to: 0 }]
    const plan = await relabelling('main/r', { alpha: 0 })
    expect(plan).toMatchObject({ replay: { topic: 'candidates', settings: changed, executed: false }, compared: [] })
    expect(await derived('again').log.describe(derived('again').names.topic(gains))).toBeUndefined()
    const plain = await relabelling('main', { as: 'plain', measure: 'plain' })
    expect(plain).toMatchObject({ replay: { topic: 'gains', stages: ['distil'] } })
    const done = await relabelling('main/r', { alpha: 0, execute: true })
    expect(done).toMatchObject({ replay: { complete: true }, compared: [{ both: 6, a: { stream: 'main', run: 'r' } }] })
    await expect(relabelling('main', { as: 'same' })).rejects.toThrow('nothing is to change')
  })
})
