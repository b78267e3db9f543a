/** An evaluation for people: as text, and as a report. Every figure is taken from what --json says. */
import { versusFigures, type EvaluatedJson, type VersusFigure } from '../evaluation.ts'
import { described } from '../conditions.ts'
import { harmless, table } from '../report.ts'
import { cellText, figureOf, type Block, type Cell, type Report, type Table } from './document.ts'

type Figures = EvaluatedJson['micro']

/** Figures by scope: where there is only one dataset, every mean over all is its own. */
const scopesOf = ({ datasets, macro, micro }: EvaluatedJson): [scope: string, figures: Figures][] => {
  const each = Object.entries(datasets).sort(([a], [b]) => (a < b ? -1 : 1))
  return each.length < 2 ? each : [['macro', macro], ['micro', micro], ...each]
}

const rowsOf = (
  results: readonly EvaluatedJson[],
  cells: (figures: Figures, first: boolean, of: EvaluatedJson) => Cell[],
) =>
  results.flatMap((each) =>
    scopesOf(each).map(([scope, figures], i): Cell[] => [
      i === 0 ? each.described : '',
      scope,
      ...cells(figures, i === 0, each),
    ]),
  )

const answersTable = (results: readonly EvaluatedJson[]): Table => ({
  head: ['answers', '', 'n', 'strict EM', 'boundary EM', 'containment EM', 'F1'],
  rows: rowsOf(results, (figures) => [
    figures.f1?.n ?? 0,
    ...['strict_em', 'boundary_em', 'containment_em', 'f1'].map((name) => figureOf(figures[name])),
  ]),
})

const share = (value: number | null): Cell => (value === null ? null : { value })

/** Whether anybody abstained is said only where somebody may. */
const passagesTable = (results: readonly EvaluatedJson[]): Table => {
  const abstains = results.some(({ condition, abstained }) => condition === 'abstain' || (abstained ?? 0) > 0)
  const shares = ({ generated_chosen: generated, abstained }: EvaluatedJson) => [
    share(generated),
    ...(abstains ? [share(abstained)] : []),
  ]
  return {
    head: ['passages', '', 'has answer', 'oracle', 'hit@1', 'generated chosen', ...(abstains ? ['abstained'] : [])],
    rows: rowsOf(results, (figures, first, of) => [
      ...['has_answer', 'oracle', 'hit'].map((name) => figureOf(figures[name])),
      ...shares(of).map((cell) => (first ? cell : '')),
    ]),
  }
}

const titles: Readonly<Record<VersusFigure, string>> = {
  ...{ boundary_em: 'boundary EM', f1: 'F1', hit: 'hit@1', has_answer: 'has answer' },
}

type Compared = NonNullable<NonNullable<EvaluatedJson['compared']>[VersusFigure]>

const versusRow = (name: string, figure: string, of: Compared | undefined): Cell[] => [
  ...[name, figure, of?.n ?? 0, of?.won ?? 0, of?.lost ?? 0, of?.tied ?? 0],
  figureOf(of?.difference, true),
  of?.detectable === null || of === undefined ? null : { value: of.detectable },
]

const versusTable = (results: readonly EvaluatedJson[]): Table | undefined => {
  const others = results.filter(({ compared }) => compared !== undefined)
  const first = others[0]?.compared?.with
  if (first === undefined) return undefined
  const used = versusFigures.filter((name) => others.some(({ compared }) => compared?.[name]))
  return {
    head: [`against ${described[first]}`, '', 'n', 'won', 'lost', 'tied', 'difference', 'detectable'],
    rows: others.flatMap((each) =>
      used.map((name, i) => versusRow(i === 0 ? each.described : '', titles[name], each.compared?.[name])),
    ),
  }
}

/** By condition, the means over datasets where there are several. */
const plotsOf = (results: readonly EvaluatedJson[]): Block[] =>
  versusFigures.flatMap((name) => {
    const rows = results.flatMap((each) => {
      const figure = figureOf(scopesOf(each)[0]?.[1][name])
      return figure ? [{ label: each.described, figure }] : []
    })
    return rows.length > 0 ? [{ plot: { title: titles[name], rows } }] : []
  })

const differencesOf = (results: readonly EvaluatedJson[]): Block[] => {
  const rows = results.flatMap(({ compared, described: name }) => {
    const figure = figureOf(compared?.f1?.difference, true)
    return figure ? [{ label: name, figure }] : []
  })
  const first = results.find(({ compared }) => compared)?.compared?.with
  return first === undefined || rows.length === 0 ? [] : [{ plot: { title: `F1 against ${described[first]}`, rows } }]
}

const whoOf = ({ described: name, selectors = [], readers = [] }: EvaluatedJson): string => {
  const chose = selectors.map(({ name, sha256 }) => [name, sha256.slice(0, 12)].join(' ').trim())
  const answered = readers.map(({ model, dtype, prompt }) => `${model} ${dtype}, prompt ${prompt ?? 'unknown'}`)
  return `${name}: chosen by ${chose.join('; ') || 'nobody'}, answered by ${answered.join('; ') || 'nobody'}`
}

const notes = [
  '×100, with 95 % bootstrap intervals; macro: the mean of the datasets, micro: all queries alike;',
  'oracle: some candidate has the answer; detectable: the least difference that so many queries could show',
]

export interface Told {
  readonly results: readonly EvaluatedJson[]
  /** What is to be known of the figures. */
  readonly remarks: readonly string[]
}

/** For a terminal. */
export const asText = ({ results, remarks }: Told): string => {
  const versus = versusTable(results)
  const written = ({ head, rows }: Table) => table([head, ...rows.map((row) => row.map(cellText))])
  const tables = [answersTable(results), passagesTable(results), ...(versus ? [versus] : [])].map(written)
  return [...tables, [`(${notes.join('\n ')})`, ...remarks.map(harmless)].join('\n')].join('\n\n')
}

export interface Setting {
  readonly run: string
  /** Where the queries come from, and which of them were taken. */
  readonly source: readonly string[]
}

/** For a file. `data` is what --json says. */
export const evaluationReport = ({ results, remarks }: Told, { run, source }: Setting, data: unknown): Report => {
  const versus = versusTable(results)
  return {
    title: `Evaluation of ${run}`,
    data,
    blocks: [
      { list: [...source, ...results.map(whoOf)] },
      ...(remarks.length > 0 ? [{ heading: 'Remarks', level: 2 } as const, { list: remarks }] : []),
      { heading: 'Answers', level: 2 },
      { table: answersTable(results) },
      { heading: 'Passages', level: 2 },
      { table: passagesTable(results) },
      ...(versus ? [{ heading: 'Query by query', level: 2 } as const, { table: versus }] : []),
      { text: `${notes.join(' ')}.` },
      ...plotsOf(results),
      ...differencesOf(results),
    ],
  }
}
