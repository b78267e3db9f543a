/**
 * What the light selector learns from gain labels alone: the teacher's own choice first, then selectors fitted to gains
 * with and without the answerable filter, and for comparison to gold passages, each on three splits of the training
 * queries; hit@1 of gold passages on the evaluation queries, beside the orders of retrieval and the oracle.
 *
 *   node bench/selector/study.ts --data FOLDER --candidates FILE [--labels FILE] [--k N] [--temperature T] [--l2 X] [--dev]
 *
 * --data is a data folder whose collection holds the benchmark's corpus; --candidates is written from it once, and read
 * afterwards. Settings are chosen on the development parts of the training queries; --dev shows those alone.
 */
import { parseArgs } from 'node:util'
import { featureNames } from '../../method/features.ts'
import { compareRuns } from '../../method/paired.ts'
import { meanInterval } from '../../method/statistics.ts'
import { table } from '../../cli/report.ts'
import { corpus, missing } from '../data.ts'
import { learners, orders, teachers, trial, type Judged, type Studied } from './learning.ts'
import { candidatesOf, queriesOf, readLabels, texts } from './material.ts'

const { values } = parseArgs({
  options: {
    ...{ data: { type: 'string', default: '.gainstream' }, candidates: { type: 'string' } },
    labels: { type: 'string', default: new URL('labels/train.jsonl.gz', import.meta.url).pathname },
    ...{ k: { type: 'string', default: '10' }, dev: { type: 'boolean', default: false } },
    ...{ temperature: { type: 'string', default: '1' }, l2: { type: 'string', default: '0.01' } },
  },
})
const lacking =
  missing() ?? (values.candidates === undefined ? 'name the file of candidates: --candidates FILE' : undefined)
if (lacking !== undefined) throw new Error(lacking)

const seeds = [1, 2, 3]
const full = texts(await corpus())
const labels = await readLabels(values.labels)
const studied = (query: Studied['query'], listed: Studied['listed'], label?: Studied['label']): Studied =>
  ({ query, listed, label, choices: listed.map(full) }) // prettier-ignore
const training = queriesOf('train').flatMap((query) => {
  const label = labels.get(query.id)
  return label ? [studied(query, label.passages.map((one) => ({ ...one, source: 'retrieved', given_score: null })), label)] : []
}) // prettier-ignore

const shown = (values: readonly number[]) => {
  const { mean, low, high } = meanInterval(values)!
  return `${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`
}
const signed = (value: number) => `${value >= 0 ? '+' : ''}${value.toFixed(3)}`
const hitsOf = (judged: Judged) => new Map(judged.map(({ id, hit }) => [id, hit]))
const against = (ours: Judged, theirs: Judged) => {
  const { difference: { mean, low, high }, won, lost } = compareRuns(hitsOf(ours), hitsOf(theirs))! // prettier-ignore
  return [`${signed(mean)} [${signed(low)}, ${signed(high)}]`, `${won}`, `${lost}`]
}

console.log(`${training.length} labelled training queries, ${featureNames.length} features\n`)
const kept = training.filter(({ label }) => label?.outcome === 'kept')
console.log(`hit@1 of the teachers' own choice on the training queries (${kept.length} kept by the answerable filter)`)
console.log(
  table([
    ['', 'all', 'kept', ...new Set(training.map(({ query }) => query.dataset))],
    ...Object.entries(teachers).map(([name, order]) => {
      const of = (some: readonly Studied[]) => (some.reduce((sum, one) => sum + order(one), 0) / some.length).toFixed(3)
      const sets = [...Map.groupBy(training, ({ query }) => query.dataset).values()]
      return [name, of(training), of(kept), ...sets.map(of)]
    }),
  ]),
)

const options = { temperature: Number(values.temperature), l2: Number(values.l2) }
const fitted = learners.flatMap((learner) => seeds.map((seed) => trial(training, learner, seed, options)))
console.log('\ndevelopment parts: hit@1, and expected gain (mean teacher score of the chosen passage)')
console.log(
  table([
    ['', 'seed', 'groups', 'hit@1', 'first', 'gain', 'first', 'oracle', 'seconds'],
    ...fitted.map(({ name, seed, groups, dev, seconds }) => {
      const of = (value: number) => value.toFixed(3)
      const { gains } = dev
      return [name, `${seed}`, `${groups}`, of(dev.hit), of(dev.first), of(gains.chosen), of(gains.first), of(gains.oracle), seconds.toFixed(1)] // prettier-ignore
    }),
  ]),
)

if (!values.dev) {
  const asked = queriesOf('eval')
  const found = await candidatesOf(asked, { file: values.candidates!, data: values.data, k: Number(values.k) })
  const evaluation = asked.map((query) => studied(query, found.get(query.id)!))
  for (const [title, of] of [
    [
      'no gold passage or question in common with the training queries',
      evaluation.filter(({ query }) => query.train_overlap === false),
    ],
    ['all', evaluation],
  ] as const) {
    // prettier-ignore
    const fused = orders.fused!(of)
    const rows = Object.entries(orders).map(([name, order]) => [name, shown(order(of).map(({ hit }) => hit)), ...(name === 'fused' ? ['', '', ''] : against(order(of), fused))]) // prettier-ignore
    const selected = fitted.map(({ name, seed, judge }) => {
      const judged = judge(of)
      return [`${name}, seed ${seed}`, shown(judged.map(({ hit }) => hit)), ...against(judged, fused)]
    })
    console.log(`\nhit@1 on ${of.length} evaluation queries (${title}), ${values.k} candidates`)
    console.log(table([['', 'hit@1', 'against fused', 'won', 'lost'], ...rows, ...selected]))
  }
}
