/** The figures of a real server in float32 are those of Transformers in float32, on real questions and passages. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts, startVllm, vllmEnvironment, type Vllm } from '../../adapters/stack/index.ts'
import { openVllm, type OpenVllm } from '../../adapters/vllm/index.ts'
import { home as homeOf } from '../../cli/config.ts'
import type { ScoreRequest, Scores } from '../../method/ports.ts'
import { farthest } from '../contracts/scorer.ts'
import { alphas, material } from './material.ts'
import { answersOf, figuresOf, meanNll, oracle, spearman, type OracleScores } from './oracle.ts'

const url = process.env['GAINSTREAM_TEST_VLLM'] ?? ''
const model = process.env['GAINSTREAM_TEST_VLLM_MODEL'] ?? ''
const home = homeOf(process.env)
const never = new AbortController().signal
const { from, requests } = material()

/** What two evaluations of one prompt in float32 may differ by, in nats a token: other batches add up in other orders. */
const tolerance = 1e-3

const scoredBy = async (vllm: OpenVllm | undefined, some: readonly ScoreRequest[]): Promise<Scores[]> => {
  const found: Scores[] = []
  for (const request of some) found.push(await vllm!.scorer.score(request, never))
  return found
}

let ours: OpenVllm | undefined
let scores: Scores[]
let truth: OracleScores[]

beforeAll(async () => {
  ours = await openVllm({ source: { kind: 'list', urls: [url] }, tokenizer: model, timeout: 600_000 })
  scores = await scoredBy(ours, requests)
  truth = await oracle(await vllmEnvironment({ home }), model, requests)
}, 1_200_000)
afterAll(() => ours?.close())

describe(`against Transformers in float32, on ${requests.length} queries of ${from} with 10 passages each`, () => {
  test('answers have the tokens that Transformers gives them, several of them, and there are several golds', () => {
    for (const [q, { answers }] of truth.entries())
      expect(scores[q]!.base.map((logs) => logs.length)).toEqual(answers.map((ids) => ids.length))
    const golds = truth.map(({ answers }) => answers.length)
    expect(golds.filter((n) => n > 1).length).toBeGreaterThanOrEqual(3)
    expect(Math.max(...truth.flatMap(({ answers }) => answers.map((ids) => ids.length)))).toBeGreaterThan(3)
  })

  test('no figure is further away than a thousandth of a nat a token', () => {
    const apart = truth.map(({ base, passages }, q) =>
      farthest(figuresOf(base, passages), figuresOf(scores[q]!.base, answersOf(scores[q]!))),
    )
    expect(Math.max(...apart)).toBeLessThan(tolerance)
  })

  test('the passages of each query stand in the same order', () => {
    for (const [q, { passages }] of truth.entries()) {
      const [theirs, mine] = [meanNll(passages, 1), meanNll(answersOf(scores[q]!), 1)]
      expect(spearman(theirs, mine)).toBeGreaterThan(0.98) // two passages within the tolerance may change places
    }
  })

  test('without contrast the contrastive figures are the plain ones', () => {
    for (const each of scores)
      for (const { plain, contrast } of answersOf(each).flat()) expect(farthest(contrast[0]!, plain)).toBeLessThan(1e-4)
  })

  test('three α in one pass give what three passes give', async () => {
    const [request] = requests as [ScoreRequest]
    const together = answersOf(scores[0]!).flat()
    for (const [i, alpha] of alphas.entries()) {
      const [alone] = await scoredBy(ours, [{ ...request, alphas: [alpha] }])
      const theirs = answersOf(alone!).flatMap((answers) => answers.flatMap(({ contrast }) => contrast[0]!))
      const mine = together.flatMap(({ contrast }) => contrast[i]!)
      expect(farthest(theirs, mine)).toBeLessThan(tolerance)
    }
  })
})

describe('a query whose passages are split over two replicas', () => {
  let folder: string
  let replica: Vllm | undefined
  let other: OpenVllm | undefined

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gainstream-replica-'))
    const [port] = (await freePorts(1)) as [number]
    const environment = await vllmEnvironment({ home })
    replica = await startVllm({ folder, port, environment, model, dtype: 'float32' })
    other = await openVllm({ source: { kind: 'list', urls: [replica.url] }, tokenizer: model, timeout: 600_000 })
  }, 600_000)
  afterAll(async () => {
    await other?.close()
    await replica?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  test('has the figures that it has on one', async () => {
    const [request] = requests as [ScoreRequest]
    const half = request.passages.length / 2
    const halves = [request.passages.slice(0, half), request.passages.slice(half)]
    const found = await Promise.all(
      [ours, other].map((vllm, i) => scoredBy(vllm, [{ ...request, passages: halves[i]! }])),
    )
    const [whole, split] = [answersOf(scores[0]!), found.flatMap(([each]) => answersOf(each!))]
    expect(farthest(figuresOf([], split), figuresOf([], whole))).toBeLessThan(tolerance)
    expect(farthest(found[0]![0]!.base.flat(), found[1]![0]!.base.flat())).toBeLessThan(tolerance)
  })
})
