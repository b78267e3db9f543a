/**
 * Selectors that stand in folders, judged on the evaluation queries of the benchmark, among the same candidates, against
 * fused order and against the first folder, query by query: hit@1 of gold passages, and with --labels what the chosen
 * passage gains the reader.
 *
 *   node bench/selector/folders.ts FOLDER... --candidates FILE [--labels FILE] [--data FOLDER] [--k N]
 *
 * The candidates are those of study.ts: written once, and read afterwards. The labels are those of labels.ts, of the
 * evaluation queries; expected gain is also given on the 300 that `evaluate --sample 300` draws.
 */
import { parseArgs } from 'node:util'
import { openSelector } from '../../adapters/selectors/open.ts'
import { progress, screen } from '../../cli/progress.ts'
import { table } from '../../cli/report.ts'
import { teacherScore } from '../../method/group.ts'
import { firstBest } from '../../method/light.ts'
import { compareRuns } from '../../method/paired.ts'
import { meanInterval, type Interval } from '../../method/statistics.ts'
import { stratified } from '../../method/stratified.ts'
import { corpus, missing } from '../data.ts'
import type { Label } from './labels.ts'
import { below, hitOf, type Studied } from './learning.ts'
import { candidatesOf, queriesOf, readLabels, texts } from './material.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...{ data: { type: 'string', default: '.gainstream' }, candidates: { type: 'string' } },
    ...{ labels: { type: 'string' }, k: { type: 'string', default: '10' } },
  },
})
const lacking =
  missing() ?? (values.candidates === undefined || positionals.length === 0 ? 'name FOLDER... and --candidates FILE' : undefined) // prettier-ignore
if (lacking !== undefined) throw new Error(lacking)

const { signal } = new AbortController()

/** Scores of each query's candidates, in their order. */
interface Row {
  readonly name: string
  readonly scores: readonly (readonly number[])[]
}

const scored = async (folder: string, all: readonly Studied[]): Promise<Row> => {
  const selector = await openSelector(folder, {}, signal)
  const { name } = selector.identity
  const bar = progress(name, screen())
  try {
    const scores: (readonly number[])[] = []
    for (const { query, choices } of all) {
      scores.push(await selector.score(query.question, choices, signal))
      bar.update(scores.length, all.length)
    }
    return { name, scores }
  } finally {
    bar.end()
    await selector.close?.()
  }
}

const full = texts(await corpus())
const asked = queriesOf('eval')
const found = await candidatesOf(asked, { file: values.candidates!, data: values.data, k: Number(values.k) })
const labels = values.labels === undefined ? new Map<string, Label>() : await readLabels(values.labels)
const evaluation = asked.map((query): Studied => {
  const listed = found.get(query.id)!
  return { query, listed, choices: listed.map(full), label: labels.get(query.id) }
})
const by = (name: string, of: (choice: Studied['choices'][number]) => number): Row => ({
  name,
  scores: evaluation.map(({ choices }) => choices.map(of)),
})
const fused = by('fused', ({ rank }) => -rank)
const rows = [fused, by('BM25', ({ sparse_score }) => sparse_score ?? below)]
for (const folder of positionals) rows.push(await scored(folder, evaluation))

/** Teacher scores of the candidates; undefined where one was not measured: nobody could choose it fairly. */
const gainsOf = ({ choices, label }: Studied): number[] | undefined => {
  const known = new Map(label?.passages.map(({ id, mean_nll }) => [id, mean_nll]))
  const gains = choices.flatMap(({ id }) => {
    const nll = known.get(id) ?? null
    return nll === null ? [] : [teacherScore(nll)]
  })
  return gains.length === choices.length ? gains : undefined
}
const gains = evaluation.map(gainsOf)
const oracle: Row = { name: 'oracle by gain', scores: gains.map((of) => of ?? []) }

const written = ({ mean, low, high }: Interval, sign = '') => `${sign}${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]` // prettier-ignore
type Graded = ReadonlyMap<string, number>
const against = (ours: Graded, theirs: Graded) => {
  if (ours === theirs) return ['', '']
  const { difference, won, lost } = compareRuns(ours, theirs)!
  return [written(difference, difference.mean >= 0 ? '+' : ''), `${won}:${lost}`]
}

const print = (
  title: string,
  of: readonly Row[],
  within: (at: number) => boolean,
  grade: (row: Row, at: number) => number,
) => {
  const places = asked.flatMap((_, at) => (within(at) ? at : []))
  const graded = of.map((row): Graded => new Map(places.map((at) => [asked[at]!.id, grade(row, at)])))
  const [base, first] = [graded[0]!, graded[2]!]
  const lines = of.map(({ name }, i) => {
    const ours = graded[i]!
    return [name, written(meanInterval([...ours.values()])!), ...against(ours, base), ...against(ours, first)]
  })
  console.log(`\n${title}: ${places.length} evaluation queries, ${values.k} candidates`)
  console.log(table([['', '', 'against fused', 'won:lost', `against ${of[2]!.name}`, 'won:lost'], ...lines]))
}

const unseen = (at: number) => asked[at]!.train_overlap === false
const hit = ({ scores }: Row, at: number) => hitOf(evaluation[at]!, scores[at]!)
print('hit@1, no gold passage or question in common with the training queries', rows, unseen, hit)
print('hit@1, all', rows, () => true, hit)

if (labels.size > 0) {
  const drawn = new Set(stratified(asked, 300, '1'))
  const known = (at: number) => gains[at] !== undefined
  const gain = ({ scores }: Row, at: number) => gains[at]![firstBest(scores[at]!)]!
  const judged = [...rows, oracle]
  print('expected gain, 300 drawn', judged, (at) => known(at) && drawn.has(asked[at]!.id), gain)
  print('expected gain, no gold passage or question in common', judged, (at) => known(at) && unseen(at), gain)
  print('expected gain, all', judged, known, gain)
}
