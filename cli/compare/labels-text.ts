/** Labels for people. Every figure is taken from what --json says. */
import { cellText, figureOf, type Cell } from '../report/document.ts'
import { harmless, table } from '../report.ts'
import type { LabelComparison } from './labels.ts'
import type { labelQuality } from './quality.ts'

type Judged = Awaited<ReturnType<typeof labelQuality>>

const rows = (named: readonly (readonly [name: string, cell: Cell])[]): string =>
  table([['', '×100'], ...named.map(([name, cell]) => [name, cellText(cell)])])

const alarmText = (alarms: readonly string[]): string =>
  alarms.length === 0 ? 'nothing stands out' : alarms.map((alarm) => `alarm: ${harmless(alarm)}`).join('\n')

const perplexities = ({ perplexity }: Judged): string =>
  perplexity
    ? `perplexity ${Object.entries(perplexity).map(([share, value]) => `${share} ${value.toPrecision(3)}`).join(', ')}` // prettier-ignore
    : 'no perplexity'

const reasonsOf = ({ filter: { kept, filtered, reasons } }: Judged): string =>
  kept + filtered === 0
    ? 'no samples yet: distil has not run'
    : `kept ${kept}, filtered ${filtered}${Object.entries(reasons).map(([reason, n]) => `; ${n} ${harmless(reason)}`).join('')}` // prettier-ignore

const who = ({ scorers, measures, alphas }: Judged): string =>
  scorers
    .map(
      ({ model, dtype, prompt }) =>
        `measured by ${model} ${dtype}, prompt ${prompt ?? 'unknown'}, ${measures.join('/')}, α ${alphas.join('/')}`,
    ) // prettier-ignore
    .map(harmless)
    .join('\n')

export const qualityText = (found: Judged): string => {
  const { stream, run, queries, labelled, passages, teacher, contrast } = found
  return [
    `${stream}/${run}: ${labelled} of ${queries} queries labelled, ${passages.scored} passages scored, ${passages.unscored} not`,
    who(found),
    perplexities(found),
    reasonsOf(found),
    '',
    rows([
      ['a generated passage wins', figureOf(found.generated_wins)],
      ['flat groups', figureOf(found.flat)],
      ['entropy of the teacher, of ln n', figureOf(found.entropy)],
      ['contrastive and plain choose the same', figureOf(contrast.same_first)],
      ['their orders agree (Kendall’s τ)', figureOf(contrast.kendall)],
      ['no passage helps', figureOf(found.nothing_gains)],
      ['hit@1 of the teacher', figureOf(teacher?.hit)],
      ['hit@1 of the first retrieved', figureOf(teacher?.first_retrieved)],
      ['teacher − first retrieved', figureOf(teacher?.against_first.difference, true)],
    ]),
    '',
    alarmText(found.alarms),
  ].join('\n')
}

type Listed = LabelComparison['listed'][number]

const choiceText = ({ id, title, source, rank, mean_nll }: Listed['a']): string =>
  `${id}${title === '' ? '' : ` “${title}”`}, ${source}, rank ${rank}, ${mean_nll === null ? 'unscored' : `${mean_nll.toFixed(3)} nats`}` // prettier-ignore

const listedText = ({ id, dataset, question, a, b }: Listed): string =>
  [`${id}${dataset === '' ? '' : ` (${dataset})`}: ${question}`, `  A  ${choiceText(a)}`, `  B  ${choiceText(b)}`]
    .map(harmless)
    .join('\n')

const named = ({ stream, run, measure }: LabelComparison['a']) =>
  `${stream}/${run}${measure === undefined ? '' : ` by the ${measure} measure`}`

export const labelsText = (found: LabelComparison): string => {
  const { a, b, both, changed_first: first, spearman, generated_wins: generated, hit, changed, listed } = found
  const sets = Object.entries(first?.datasets ?? {})
  return [
    `A: ${named(a)}, ${a.queries} queries\nB: ${named(b)}, ${b.queries} queries\n${both} with two scored passages in both`,
    rows([
      ['another passage is first', figureOf(first?.micro)],
      ...(sets.length > 1 ? sets.map(([set, of]) => [`  ${set === '' ? '(no dataset)' : set}`, figureOf(of)] as const) : []), // prettier-ignore
      ['the orders agree (Spearman’s ρ)', figureOf(spearman?.micro)],
      ['a generated passage wins, A', figureOf(generated.a?.micro)],
      ['a generated passage wins, B', figureOf(generated.b?.micro)],
      ['hit@1, A', hit ? { value: hit.a } : null],
      ['hit@1, B', hit ? { value: hit.b } : null],
      ['hit@1, B − A', figureOf(hit?.difference, true)],
    ]),
    ...(listed.length > 0 ? [`${listed.length} of ${changed} queries with another first passage:`] : []),
    ...listed.map(listedText),
    alarmText(found.alarms),
  ].join('\n\n')
}
