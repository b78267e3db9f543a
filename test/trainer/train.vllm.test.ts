/** From material to selector folders, with the Python that serves vLLM, too. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pythonFile, pythonPackages } from '../../adapters/models/python.ts'
import { openSelector } from '../../adapters/selectors/open.ts'
import { readSelector } from '../../adapters/selectors/index.ts'
import { trainerEnvironment } from '../../adapters/trainer/environment.ts'
import { train, type TrainedSelector, type TrainingProgress, type TrainRequest } from '../../adapters/trainer/index.ts'
import { home as homeOf } from '../../cli/config.ts'
import { Fatal } from '../../runtime/errors.ts'

const home = homeOf(process.env)
const signal = new AbortController().signal
const quick = { group_size: 4, groups: 4, epochs: 2, max_tokens: 64, learning_rate: 5e-3 } as const

const made = async (kind: string, labels = 2): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'trainer-'))
  const { python, env } = await trainerEnvironment({ home })
  const args = [
    join(import.meta.dirname, 'made.py'),
    pythonFile('selector-trainer/tests'),
    folder,
    kind,
    String(labels),
  ]
  const packages = await pythonPackages(pythonFile('selector-trainer/tests/requirements.txt'), home)
  execFileSync(python, args, { env: { ...process.env, ...env, PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1' } })
  return folder
}

const request = (folder: string, more: Partial<TrainRequest> = {}): TrainRequest => ({
  ...{ material: join(folder, 'material'), base: join(folder, 'base'), out: join(folder, 'out') },
  ...{ name: 'small', options: quick, home, signal },
  ...more,
})

const refused = async (promise: Promise<unknown>): Promise<string> => {
  const error = await promise.then(
    () => new Error('it was not refused'),
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(Fatal)
  return (error as Fatal).message
}

describe('a BERT with a new head', () => {
  let folder: string
  let found: TrainedSelector
  const said: TrainingProgress[] = []
  const own = { ...quick, epochs: 6, prior: 'material', prior_frozen: true } as const
  beforeAll(async () => {
    folder = await made('bert')
    found = await train(request(folder, { options: own, onProgress: (progress) => said.push(progress) }))
  }, 300_000)
  afterAll(() => rmSync(folder, { recursive: true }))

  test('becomes a folder that computes what was trained, and one in 8 bits that ranks as it does', () => {
    const { parity } = found.metrics
    expect(parity.pairs).toBe(200)
    expect(parity.fp32).toBeLessThan(1e-4)
    expect(parity.int8!.spearman).toBeGreaterThan(0.95)
    expect(found.metrics.gain).toBeGreaterThan(found.metrics.first!)
  })

  test('says in selector.json how it came about', async () => {
    const { settings } = await readSelector(found.folder)
    expect(settings.trained).toMatchObject({ base: 'base', run: 'some.stream/one', measure: 'plain', alpha: 0.25 })
    expect(settings.trained).toMatchObject({ settings: 'abc', prompts: ['def'], groups: 36, seed: 0 })
    expect(settings.linear).toMatchObject({ features: ['dense', 'in_text'], weights: [0.5, 0.25] })
    expect(settings.encoder).toMatchObject({
      max_tokens: 64,
      inputs: ['input_ids', 'attention_mask', 'token_type_ids'],
    })
    expect((await readSelector(found.int8Folder!)).settings.name).toBe('small-int8')
  })

  test('chooses the useful passage, wherever it stands', async () => {
    const selector = await openSelector(found.folder, { workers: 1 }, signal)
    const plain = { source: 'retrieved', score: 0, dense_rank: null, dense_score: null, sparse_rank: null, sparse_score: null, given_score: null } // prettier-ignore
    const text = ['word1 word2', 'useful useful useful word7', 'word3 word4'].map((text, i) => ({ ...plain, text, id: String(i), title: 'rain', rank: i + 1 })) // prettier-ignore
    const scores = await selector.score('what is rain used for ?', text, signal)
    await selector.close?.()
    expect(scores.indexOf(Math.max(...scores))).toBe(1)
  })

  test('tells steps with their rate, and looks at the development split', () => {
    const steps = said.filter(({ kind }) => kind === 'training')
    expect(steps).toHaveLength(54)
    expect(steps.at(-1)).toMatchObject({ step: 54, steps: 54, left: 0 })
    expect(said.filter(({ kind }) => kind === 'evaluation').length).toBe(13)
  })

  test('leaves the model and the figures, and no checkpoints', () => {
    const work = readdirSync(join(folder, 'out.training'))
    expect(work.toSorted()).toEqual(['metrics.jsonl', 'trained'])
  })

  test('is not written over', async () => {
    expect(await refused(train(request(folder)))).toMatch(/out is there already; a selector never changes/)
  })

  test('is not made once more of what was trained with other options', async () => {
    const asked = { out: join(folder, 'other'), work: join(folder, 'out.training') }
    expect(await refused(train(request(folder, asked)))).toMatch(/trained is of another training/)
    expect(existsSync(asked.out)).toBe(false)
  })

  test('is refused where the graph computes something else than the trained model', async () => {
    const file = join(folder, 'out.training', 'trained', 'parity.json')
    const pairs = JSON.parse(readFileSync(file, 'utf8')) as { logits: number[] }[]
    writeFileSync(
      file,
      JSON.stringify(pairs.map((group) => ({ ...group, logits: group.logits.map((x) => x + 0.002) }))),
    )
    const asked = { out: join(folder, 'other'), work: join(folder, 'out.training'), options: own }
    expect(await refused(train(request(folder, asked)))).toMatch(
      /fp32 form .* does not compute what was trained \(200 pairs/,
    )
    expect(existsSync(asked.out)).toBe(false)
  })
})

test.each(['xlm-roberta', 'distilbert'])('a %s with a head of its own is trained and exported', async (kind) => {
  const folder = await made(kind, 1)
  const found = await train(request(folder, { int8: false, options: { ...quick, epochs: 1 } }))
  expect(found.metrics.parity.fp32).toBeLessThan(1e-4)
  expect(found.int8Folder).toBeUndefined()
  rmSync(folder, { recursive: true })
})

test('a training that was stopped goes on when it is asked for again', async () => {
  const folder = await made('bert')
  const own = new AbortController()
  const options = { ...quick, save_steps: 2 }
  const stopping = (progress: TrainingProgress) =>
    void (progress.kind === 'training' && progress.step === 4 && own.abort())
  const stopped = train(request(folder, { options, signal: own.signal, onProgress: stopping, int8: false }))
  await expect(stopped).rejects.toThrow(/abort/i)
  const said: TrainingProgress[] = []
  await train(request(folder, { options, onProgress: (progress) => said.push(progress), int8: false }))
  const first = said.find(({ kind }) => kind === 'training')!
  expect(first).toMatchObject({ steps: 18 })
  expect('step' in first && first.step).toBeGreaterThan(2)
  rmSync(folder, { recursive: true })
})

test('what cannot be trained is refused with a sentence before anything is computed', async () => {
  const folder = await made('bert')
  expect(await refused(train(request(folder, { base: join(folder, 'none') })))).toMatch(/there is no folder .*none/)
  writeFileSync(join(folder, 'base', 'config.json'), JSON.stringify({ model_type: 'gpt2' }))
  expect(await refused(train(request(folder)))).toMatch(/base cannot be made a selector of: model_type is 'gpt2'/)
  writeFileSync(join(folder, 'material', 'groups.jsonl'), '{"id": "a", "query": "b"}\n')
  writeFileSync(join(folder, 'base', 'config.json'), JSON.stringify({ model_type: 'bert' }))
  expect(await refused(train(request(folder)))).toMatch(/groups\.jsonl:1 is no group: it lacks the list 'passages'$/)
  rmSync(folder, { recursive: true })
})
