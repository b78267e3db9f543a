/**
 * How far any server is from the oracle: `node test/vllm-oracle/run.ts URL [--queries 5] [--json]`. The model is the
 * packaged one; float32 is held to a thousandth of a nat by the test beside this, and bfloat16 is what this prints.
 */
import { parseArgs } from 'node:util'
import { vllmEnvironment, vllmModel } from '../../adapters/stack/index.ts'
import { openVllm } from '../../adapters/vllm/index.ts'
import { home as homeOf } from '../../cli/config.ts'
import { alphas, material } from './material.ts'
import { answersOf, figuresOf, meanNll, oracle, spearman } from './oracle.ts'

const { values, positionals } = parseArgs({
  options: { queries: { type: 'string', default: '5' }, json: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const [url] = positionals
if (url === undefined) throw new Error('say which server: node test/vllm-oracle/run.ts URL')

const home = homeOf(process.env)
const model = await vllmModel({ home })
const { from, requests, gold } = material(Number(values.queries))
const vllm = await openVllm({ source: { kind: 'list', urls: [url] }, tokenizer: model, timeout: 600_000 })
const never = new AbortController().signal
const scores = await Promise.all(requests.map((request) => vllm.scorer.score(request, never)))
const { identity } = vllm.scorer
await vllm.close()
const truth = await oracle(await vllmEnvironment({ home }), model, requests)

const apart = truth.flatMap(({ base, passages }, q) => {
  const mine = figuresOf(scores[q]!.base, answersOf(scores[q]!))
  return figuresOf(base, passages).map((value, i) => Math.abs(value - mine[i]!))
})
const orders = truth.map(({ passages }, q) => spearman(meanNll(passages, 1), meanNll(answersOf(scores[q]!), 1)))
const first = (means: readonly number[]) => means.indexOf(Math.min(...means))
const firsts = (of: (q: number) => number[]) => gold.filter((place, q) => first(of(q)) === place).length
const means = truth.flatMap(({ passages }, q) => {
  const mine = meanNll(answersOf(scores[q]!), 1)
  return meanNll(passages, 1).map((value, p) => Math.abs(value - mine[p]!))
})
const quantile = (some: readonly number[], q: number) => some.toSorted((a, b) => a - b)[Math.floor((some.length - 1) * q)]! // prettier-ignore

const figures = {
  ...{ server: identity, from, queries: requests.length, passages: 10, alphas },
  golds: truth.map(({ answers }) => answers.length),
  tokens: truth.map(({ answers }) => answers.map((ids) => ids.length)),
  natsPerToken: { figures: apart.length, median: quantile(apart, 0.5), p99: quantile(apart, 0.99), max: quantile(apart, 1) }, // prettier-ignore
  meanNll: { median: quantile(means, 0.5), max: quantile(means, 1) },
  spearman: { least: Math.min(...orders), mean: orders.reduce((a, b) => a + b, 0) / orders.length },
  goldFirst: { server: firsts((q) => meanNll(answersOf(scores[q]!), 1)), oracle: firsts((q) => meanNll(truth[q]!.passages, 1)) }, // prettier-ignore
}
console.log(values.json ? JSON.stringify(figures) : figures)
