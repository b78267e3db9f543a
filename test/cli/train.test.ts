import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { lightSelector, readSelector } from '../../adapters/selectors/index.ts'
import { asGiven, trainerOptions } from '../../cli/training/cross.ts'
import { trainLight, type LightReport } from '../../cli/training/light.ts'
import { gather, writeMaterial, type MaterialOptions } from '../../cli/training/material.ts'
import { overlapOf } from '../../cli/training/overlap.ts'
import { crossText } from '../../cli/training/report.ts'
import { samplesOfFiles, samplesOfStream } from '../../cli/training/samples.ts'
import { featureNames } from '../../method/features.ts'
import { teacherScore } from '../../method/group.ts'
import { draw } from '../../method/random.ts'
import { folder, run } from './command.ts'
import { openTestStream } from './stream.ts'

const here = folder()
afterAll(here.remove)
const { signal } = new AbortController()

/** The passage that the question names is the gold one, and gains most; retrieval has it first in half of the queries. */
const sample = (i: number, change: object = {}) => {
  const right = 1 + (draw(1, i) % 2)
  const passages = [1, 2, 3].map((rank) => {
    const mean_nll = rank === right ? 0.5 : 3 + rank
    return {
      ...{ id: `p${i}-${rank}`, title: '', text: rank === right ? `about thing${i} itself` : `other ${rank}` },
      ...{ source: 'retrieved', rank, mean_nll, score: teacherScore(mean_nll), has_answer: false, twin_of: null },
      ...{ retrieval_score: 1 / rank, dense_rank: rank, dense_score: 1 / rank, sparse_rank: null, sparse_score: null },
    }
  })
  return {
    ...{ run: 'r', outcome: 'kept', reason: '', measure: 'contrastive', alpha: 0.5, settings: 'abc' },
    query: { id: `q${i}`, question: `what is thing${i}`, answers: ['x'], dataset: 'd', gold_passage_ids: [`p${i}-${right}`] },
    scorer: { prompt: 'hash' },
    // The positive first, as a sample has it.
    passages: passages.toSorted((a, b) => b.score - a.score),
    ...change,
  }
} // prettier-ignore

const file = (name: string, lines: readonly object[]) => {
  const path = join(here.path, name)
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return path
}

const options: MaterialOptions = {
  ...{ filtered: false, measure: undefined, seed: 1, dev: 0.2, origin: 'files', onProgress: () => {} },
}
const gathered = (path: string, change: Partial<MaterialOptions> = {}) => gather(samplesOfFiles([path]), { ...options, ...change }) // prettier-ignore

let all: string
beforeAll(() => {
  const filtered = Array.from({ length: 10 }, (_, i) => sample(100 + i, { outcome: 'filtered', reason: 'too hard' }))
  const empty = sample(120, { outcome: 'filtered', passages: [] })
  all = file('all.jsonl', [...Array.from({ length: 60 }, (_, i) => sample(i)), ...filtered, empty, sample(0)])
})

describe('training material', () => {
  test('is the kept groups in retrieval order, in two parts, and with the filtered ones where they are asked for', async () => {
    const { train, dev, leftOut, trained } = await gathered(all)
    expect([train.length, dev.length, leftOut]).toEqual([48, 12, { otherMeasure: 0, filtered: 11, withoutGroup: 0 }])
    for (const { passages, scores, rows } of [...train, ...dev]) {
      expect(passages.map(({ rank }) => rank)).toEqual([1, 2, 3])
      expect(scores).toEqual(passages.map(({ score }) => score))
      expect(rows[0]).toHaveLength(featureNames.length)
    }
    expect(trained).toMatchObject({ run: 'files/r', settings: 'abc', prompts: ['hash'], measure: 'contrastive', groups: 48 })
    const more = await gathered(all, { filtered: true })
    expect([more.train.length + more.dev.length, more.leftOut.withoutGroup]).toEqual([70, 1])
  }) // prettier-ignore

  test('is refused where labels are of two kinds, or there is none', async () => {
    const mixed = file('mixed.jsonl', [sample(1), sample(2, { measure: 'plain' })])
    await expect(gathered(mixed)).rejects.toThrow(/hold contrastive and plain gains; say with --measure/)
    expect((await gathered(mixed, { measure: 'plain' })).trained.measure).toBe('plain')
    await expect(gathered(file('alphas.jsonl', [sample(1), sample(2, { alpha: 1 })]))).rejects.toThrow(/α 0\.5 and 1/)
    await expect(gathered(mixed, { measure: 'other' })).rejects.toThrow(/no training group among 2 samples/)
  })

  test('of two measures in two files is what was asked for, and α is not mixed, whichever file comes last', async () => {
    const contrastive = file('contrastive.jsonl', Array.from({ length: 5 }, (_, i) => sample(i)))
    const plain = file('plain.jsonl', Array.from({ length: 5 }, (_, i) => sample(i, { measure: 'plain' })))
    const asked = { ...options, dev: 0, measure: 'contrastive' }
    const { train, leftOut } = await gather(samplesOfFiles([contrastive, plain]), asked)
    expect([train.length, leftOut.otherMeasure]).toEqual([5, 5])
    await expect(gather(samplesOfFiles([contrastive, plain]), options)).rejects.toThrow(/hold contrastive and plain gains/)
    const other = file('alpha.jsonl', [sample(1, { alpha: 1 })])
    await expect(gather(samplesOfFiles([contrastive, other]), options)).rejects.toThrow(/α 0\.5 and 1/)
  }) // prettier-ignore

  test('of two queries under one id is refused, and none of them lost', async () => {
    const other = sample(1, { run: 's', query: { ...sample(2).query, id: 'q1' } })
    await expect(gathered(file('twice.jsonl', [sample(1), other]))).rejects.toThrow(
      'two queries have the id q1, in the runs r and s: give one of them another id, or name one run with --run',
    )
  })

  test('of a broken line names file and line', async () => {
    await expect(gathered(file('broken.jsonl', [sample(1), { run: 'r' }]))).rejects.toThrow(/broken\.jsonl, line 2: query:/)
    await expect(gathered(join(here.path, 'nowhere'))).rejects.toThrow(/nowhere cannot be read/)
  }) // prettier-ignore

  test('is written as the Python trainer reads it', async () => {
    const material = await gathered(all)
    const features = featureNames.map(() => 1)
    await writeMaterial(here.path, material, { features: featureNames, mean: features, scale: features, weights: features })
    const lines = readFileSync(join(here.path, 'groups.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>) // prettier-ignore
    const about = JSON.parse(readFileSync(join(here.path, 'material.json'), 'utf8')) as Record<string, unknown>
    const { train, dev } = about['split'] as { train: string[]; dev: string[] }
    expect(lines.map(({ id }) => id).toSorted()).toEqual([...train, ...dev].toSorted())
    expect(about).toMatchObject({ features: featureNames, groups: 60, prior: { weights: features }, trained: { alpha: 0.5 } })
    const { passages, ...line } = lines.find(({ id }) => id === 'q1')!
    expect(line).toEqual({ id: 'q1', dataset: 'd', query: 'what is thing1', gold_passage_ids: sample(1).query.gold_passage_ids, outcome: 'kept' }) // prettier-ignore
    expect((passages as object[])[0]).toMatchObject({ id: 'p1-1', rank: 1, features: expect.any(Array) as unknown })
  }) // prettier-ignore

  test('is the same, byte for byte, when it is gathered again: a training goes on only from checkpoints of its own', async () => {
    const prior = featureNames.map(() => 1)
    const written = async (now: number) => {
      vi.useFakeTimers({ now, toFake: ['Date'] })
      const material = await gathered(all)
      await writeMaterial(here.path, material, { features: featureNames, mean: prior, scale: prior, weights: prior })
      return ['groups.jsonl', 'material.json'].map((name) => readFileSync(join(here.path, name), 'utf8'))
    }
    try {
      expect(await written(2e12)).toEqual(await written(1e12))
    } finally {
      vi.useRealTimers()
    }
  }) // prettier-ignore

  test('in common with queries to be evaluated is counted by question and by gold passage', async () => {
    const { train, dev } = await gathered(all)
    const query = (id: string, question: string, ...gold_passage_ids: string[]) => ({ id, question, answers: [], dataset: '', lang: 'en', gold_passage_ids }) // prettier-ignore
    const asked = [query('a', 'What is thing1?'), query('b', 'else', ...sample(2).query.gold_passage_ids), query('c', 'new', 'p')]
    expect(overlapOf(asked, [...train, ...dev])).toEqual({ queries: 3, questions: 1, passages: 1, either: 2 })
  }) // prettier-ignore
})

describe('gainstream train --light', () => {
  test('learns to choose what retrieval has not first, and says what it learned', async () => {
    const out = join(here.path, 'trained')
    const report = await trainLight(await gathered(all), { out, name: 'tiny' })
    expect(report.hit).toMatchObject({ n: 12, teacher: 1, chosen: 1 })
    expect(report.hit!.first).toBeLessThan(1)
    expect(report.gain!.first).toBeLessThan(report.gain!.chosen)
    expect(report.gain!.chosen).toBe(report.gain!.oracle)
    const selector = lightSelector(await readSelector(out))
    const { passages, query } = sample(1000)
    const choices = passages.map(({ retrieval_score: score, ...passage }) => ({ ...passage, score, given_score: null }))
    const scores = await selector.score(query.question, choices, signal)
    expect(scores.indexOf(Math.max(...scores))).toBe(0)
  })

  test('counts hits as an evaluation does: generated passages aside, and a near-copy of a gold is one', async () => {
    const samples = Array.from({ length: 20 }, (_, i) => {
      const { passages, ...one } = sample(i)
      const [gold, ...others] = passages
      const copy = { ...gold!, id: `copy${i}`, twin_of: gold!.id, rank: 1 }
      const made = { ...gold!, id: `made${i}`, source: 'generated', title: `thing${i} thing${i}`, rank: 9, mean_nll: 0.1, score: teacherScore(0.1) } // prettier-ignore
      return { ...one, passages: [made, copy, { ...gold!, rank: 2 }, ...others.map((each) => ({ ...each, rank: each.rank + 3 }))] }
    }) // prettier-ignore
    const material = await gathered(file('twins.jsonl', samples), { dev: 0.5 })
    const { hit } = await trainLight(material, { out: join(here.path, 'twins'), name: 'twins' })
    expect(hit).toEqual({ n: 10, teacher: 1, first: 1, chosen: 1 })
  })

  test('as a command prints its report, and refuses to learn from what is to be evaluated', async () => {
    const evaluation = file('evaluation.jsonl', [sample(1).query])
    const args = ['train', '--light', '--samples', all, '--out', 'cmd', '--dev', '0.2', '--json']
    const refused = await run([...args, '--evaluation', evaluation], { cwd: here.path })
    expect(refused.stderr).toMatch(/1 of 1 queries.*--allow-overlap/)
    expect(refused.code).not.toBe(0)
    const { stdout, stderr } = await run([...args, '--evaluation', evaluation, '--allow-overlap'], { cwd: here.path })
    expect(stderr).toContain('48 groups to learn from, 12 set aside')
    const report = JSON.parse(stdout) as LightReport
    expect(report).toMatchObject({ selector: { name: 'cmd' }, groups: { train: 48, dev: 12 }, overlap: { either: 1 } })
    expect((await readSelector(join(here.path, 'cmd'))).identity).toEqual(report.selector)
    const again = await run(args, { cwd: here.path })
    expect(again.stderr).toMatch(/cmd is there already/)
  })

  test('learns from the samples of a stream', async () => {
    const stream = await openTestStream()
    try {
      await stream.enter('queries.jsonl', [{ id: 'one' }, { id: 'two', question: 'hard' }, { id: 'three' }], 'a')
      await stream.work()
      const { train } = await gather(samplesOfStream(stream.world, ['a']), { ...options, dev: 0 })
      expect(train.map(({ sample: { query } }) => query.id)).toEqual(['one', 'three'])
      await expect(gather(samplesOfStream(stream.world, ['b']), options)).rejects.toThrow(/no training group among 0/)
    } finally {
      await stream.close()
    }
  })
})

describe('what a training says', () => {
  const metrics = {
    ...{ steps: 1, seconds: 1, rate: 1, loss: 0.1, entropy: 1, gain: -2, first: -1, oracle: -0.5, memory: 1 },
    parity: { pairs: 200, fp32: 1e-6, int8: null },
  }
  const said = (change: Partial<typeof metrics> = {}) =>
    crossText({ folder: 'f', int8Folder: undefined, metrics: { ...metrics, ...change } })

  test('of a cross-encoder warns where it chooses no better than retrieval order, as of a light selector', () => {
    expect(said()).toContain('it chooses no better than retrieval order does: do not put it in force')
    expect(said({ gain: -1 })).toContain('do not put it in force')
    expect(said({ gain: -0.9 })).not.toContain('do not put it in force')
  })

  test('does not say that nothing was to be set aside where too few queries were there', async () => {
    const few = file('few.jsonl', [sample(1), sample(2)])
    const { stdout } = await run(['train', '--light', '--samples', few, '--out', 'few'], { cwd: here.path })
    expect(stdout).toContain('no group was set aside: nothing is known of how well it chooses')
  })

  test.each(['', 'a\u001bb', 'n'.repeat(200)])('a name that no selector can have is refused before anything is trained: %j', async (name) => {
    const { code, stderr } = await run(['train', '--samples', all, '--out', 'named', '--name', name], { cwd: here.path })
    expect([code, stderr]).toEqual([2, expect.stringContaining('1 to 190 characters') as string])
  }) // prettier-ignore
})

describe('options of a cross-encoder', () => {
  test('are numbers, flags and words under their own names', () => {
    const given = ['epochs=3', 'learning_rate=6e-5', 'repeat=true', 'prior=zero']
    expect(trainerOptions(given)).toEqual({ epochs: 3, learning_rate: 6e-5, repeat: true, prior: 'zero' })
  })
  test.each([
    ['epochs', /write it as name=value/],
    ['epochs=few', /epochs=few: it must be a number/],
    ['repeat=1', /must be true or false/],
    ['prior=some', /must be none, material, zero/],
    ['constructor=1', /--option constructor is unknown/],
    ['epoch=3', /--option epoch is unknown; there are group_size/],
  ])('%s is refused', (one, sentence) => expect(() => trainerOptions([one])).toThrow(sentence))

  test.each([
    ['step-1 is a checkpoint of another training: throw it away with --overwrite', /throw it away with --anew$/],
    ['lower --learning_rate, or --precision fp32', /^lower --option learning_rate=…, or --option precision=fp32$/],
    ['--epochs is 0: it must be 1 or more', /^--option epochs=… is 0: it must be 1 or more$/],
    ['--base /a is no --encoder', /^--base \/a is no --encoder$/],
  ])('are named as they are given here: %s', (said, sentence) => expect(asGiven(said)).toMatch(sentence))
})
