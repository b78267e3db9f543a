/**
 * Selectors that stand in folders, judged on the evaluation queries of the benchmark: hit@1 of gold passages among the same
 * candidates, against fused order and against the first folder, query by query.
 *
 *   node bench/selector/folders.ts FOLDER... --candidates FILE [--data FOLDER] [--k N]
 *
 * The candidates are those of study.ts: written once, and read afterwards.
 */
import { parseArgs } from 'node:util'
import { openSelector } from '../../adapters/selectors/open.ts'
import { progress, screen } from '../../cli/progress.ts'
import { table } from '../../cli/report.ts'
import { compareRuns } from '../../method/paired.ts'
import { meanInterval, type Interval } from '../../method/statistics.ts'
import { corpus, missing } from '../data.ts'
import { hitOf, orders, type Judged, type Studied } from './learning.ts'
import { candidatesOf, queriesOf, texts } from './material.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...{ data: { type: 'string', default: '.gainstream' }, candidates: { type: 'string' } },
    k: { type: 'string', default: '10' },
  },
})
const lacking =
  missing() ?? (values.candidates === undefined || positionals.length === 0 ? 'name FOLDER... and --candidates FILE' : undefined) // prettier-ignore
if (lacking !== undefined) throw new Error(lacking)

const { signal } = new AbortController()

const judged = async (folder: string, all: readonly Studied[]): Promise<{ name: string; hits: Judged }> => {
  const selector = await openSelector(folder, {}, signal)
  const { name } = selector.identity
  const bar = progress(name, screen())
  try {
    const hits: { id: string; hit: number }[] = []
    for (const one of all) {
      hits.push({ id: one.query.id, hit: hitOf(one, await selector.score(one.query.question, one.choices, signal)) })
      bar.update(hits.length, all.length)
    }
    return { name, hits }
  } finally {
    bar.end()
    await selector.close?.()
  }
}

const full = texts(await corpus())
const asked = queriesOf('eval')
const found = await candidatesOf(asked, { file: values.candidates!, data: values.data, k: Number(values.k) })
const evaluation = asked.map((query): Studied => {
  const listed = found.get(query.id)!
  return { query, listed, choices: listed.map(full) }
})
const rows = [{ name: 'fused', hits: orders['fused']!(evaluation) }]
for (const folder of positionals) rows.push(await judged(folder, evaluation))

const written = ({ mean, low, high }: Interval, sign = '') => `${sign}${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]` // prettier-ignore
const byId = (hits: Judged) => new Map(hits.map(({ id, hit }) => [id, hit]))
const against = (ours: Judged, theirs: Judged) => {
  if (ours === theirs) return ['', '']
  const { difference, won, lost } = compareRuns(byId(ours), byId(theirs))!
  return [written(difference, difference.mean >= 0 ? '+' : ''), `${won}:${lost}`]
}

const unseen = new Set(asked.flatMap(({ id, train_overlap }) => (train_overlap === false ? id : [])))
for (const [title, within] of [
  ['no gold passage or question in common with the training queries', (id: string) => unseen.has(id)],
  ['all', () => true],
] as const) {
  const kept = rows.map(({ name, hits }) => ({ name, hits: hits.filter(({ id }) => within(id)) }))
  const [fused, first] = kept
  const lines = kept.map(({ name, hits }) => [
    name,
    written(meanInterval(hits.map(({ hit }) => hit))!),
    ...against(hits, fused!.hits),
    ...(hits === fused!.hits ? ['', ''] : against(hits, first!.hits)),
  ])
  console.log(`\nhit@1 on ${fused!.hits.length} evaluation queries (${title}), ${values.k} candidates`)
  console.log(table([['', 'hit@1', 'against fused', 'won:lost', `against ${first!.name}`, 'won:lost'], ...lines]))
}
