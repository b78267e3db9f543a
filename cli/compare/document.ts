/** A comparison for people: as text, and as a report. Every figure is taken from what --json says. */
import { figureOf, type Block, type Cell, type Report } from '../report/document.ts'
import { cellText } from '../report/document.ts'
import { harmless, table } from '../report.ts'
import type { Changed, Compare, Figures } from './comparison.ts'
import { compared, titles, type Chosen, type Compared } from './outcomes.ts'

const named = ({ stream, run }: { stream: string; run: string }) => `${stream}/${run}`

type Scope = Figures['macro'] & Partial<Pick<Figures['micro'], 'won' | 'lost' | 'tied'>>

/** Where there is only one dataset, every mean over all is its own. */
const scopesOf = ({ macro, micro, datasets }: Figures): [name: string, of: Scope][] => {
  const each = Object.entries(datasets).map(([name, of]): [string, Scope] => [name === '' ? '(no dataset)' : name, of])
  return each.length < 2 ? each : [['macro', macro], ['micro', micro], ...each]
}

const present = ({ figures }: Compare): [Compared, Figures][] =>
  compared.flatMap((name): [Compared, Figures][] => (figures[name] ? [[name, figures[name]]] : []))

const head = ['', '', 'n', 'A', 'B', 'won', 'lost', 'tied', 'B − A', 'detectable']

const rowsOf = (result: Compare): Cell[][] =>
  present(result).flatMap(([name, figures]) =>
    scopesOf(figures).map(([scope, { n, a, b, won, lost, tied, difference, detectable }], i): Cell[] => [
      ...[i === 0 ? titles[name] : '', scope, n, { value: a }, { value: b }],
      ...[won ?? null, lost ?? null, tied ?? null, figureOf(difference, true)],
      detectable === null ? null : { value: detectable },
    ]),
  )

const notes = [
  '×100; n: queries that both graded; B − A with its paired 95 % bootstrap interval; detectable: the least true difference that so many queries could show; macro: every dataset weighs the same, micro: every query.',
]

const whoOf = (name: string, { stream, run, queries, selectors, readers, origins }: Compare['a']): string[] => [
  `${name}: ${stream}/${run}, ${queries} queries`,
  `${name} chose by ${selectors.map((one) => [one.name, one.sha256.slice(0, 12)].join(' ').trim()).join(', ') || 'nothing'}`,
  ...readers.map(
    ({ model, dtype, prompt }) => `${name} answered with ${model} ${dtype}, prompt ${prompt ?? 'unknown'}`,
  ),
  ...origins.flatMap(({ selector, trained, labelled_by }) =>
    trained || labelled_by
      ? [
          [
            `${name}: ${selector}`,
            ...(trained ? [`learned from ${trained.run} (α ${trained.alpha}, ${trained.groups} groups)`] : []),
            ...(labelled_by ? [`gains measured by ${labelled_by.model}`] : []),
          ].join(', '),
        ]
      : [],
  ),
]

const queriesText = ({ queries }: Compare): string =>
  `${queries.both} queries in both runs (only in A ${queries.only_a}, only in B ${queries.only_b}); ` +
  `the same passage in ${queries.same_passage}; ${queries.changed} came out otherwise`

const passageText = (chosen: Chosen | null): string =>
  chosen ? [`${chosen.id}${chosen.title === '' ? '' : ` “${chosen.title}”`}`, chosen.source, `rank ${chosen.rank}`].join(', ') : 'no passage' // prettier-ignore

const gradesText = ({ grades }: Changed['a']): string =>
  compared.flatMap((name) => (grades[name] === undefined ? [] : [`${titles[name]} ${Math.round(100 * grades[name])}`])).join(', ') // prettier-ignore

const changedRows = (changed: readonly Changed[]): Cell[][] =>
  changed.flatMap(({ id, dataset, question, a, b }) =>
    [a, b].map((side, i): Cell[] => [
      i === 0 ? `${id}${dataset === '' ? '' : ` (${dataset})`}: ${question}` : '',
      i === 0 ? 'A' : 'B',
      passageText(side.chosen),
      side.prediction ?? 'not answered',
      gradesText(side),
    ]),
  )

const changedText = ({ id, dataset, question, a, b }: Changed): string =>
  [
    `${id}${dataset === '' ? '' : ` (${dataset})`}: ${question}`,
    ...[a, b].map((side, i) => {
      const said = side.prediction === null ? '' : ` → ${side.prediction}`
      return `  ${i === 0 ? 'A' : 'B'}  ${passageText(side.chosen)}${said}  [${gradesText(side)}]`
    }),
  ]
    .map(harmless)
    .join('\n')

/** For a terminal. */
export const compareText = (result: Compare): string => {
  const { changed, queries, warnings } = result
  const rows = rowsOf(result).map((row) => row.map(cellText))
  return [
    [...whoOf('A', result.a), ...whoOf('B', result.b), queriesText(result)].map(harmless).join('\n'),
    ...(rows.length > 0 ? [table([head, ...rows])] : ['no query was graded in both runs']),
    ...(rows.length > 0 ? [`(${notes.join(' ')})`] : []),
    ...(changed.length > 0 ? [`${changed.length} of ${queries.changed} that came out otherwise:`] : []),
    ...changed.map(changedText),
    ...warnings.map((warning) => `warning: ${harmless(warning)}`),
  ].join('\n\n')
}

const plots = (result: Compare): Block[] => {
  const row = ([name, figures]: [Compared, Figures], scope: string, of: Scope) => ({
    label: scopesOf(figures).length === 1 ? titles[name] : `${titles[name]}, ${scope}`,
    figure: figureOf(of.difference, true)!,
  })
  const overall = present(result).map((each) => row(each, ...scopesOf(each[1])[0]!))
  const main = present(result).find(([name]) => name === 'f1') ?? present(result).find(([name]) => name === 'hit')
  const sets = main ? scopesOf(main[1]).map((scope) => row(main, ...scope)) : []
  return [
    { plot: { title: 'B − A, with 95 % intervals', rows: overall } },
    ...(main && sets.length > 1 ? [{ plot: { title: `${titles[main[0]]}: B − A by dataset`, rows: sets } }] : []),
  ]
}

/** For a file. */
export const compareReport = (result: Compare): Report => {
  const rows = rowsOf(result)
  const { changed, queries, warnings } = result
  const graded: Block[] =
    rows.length > 0
      ? [{ table: { head, rows } }, { text: notes.join(' ') }, ...plots(result)]
      : [{ text: 'No query was graded in both runs.' }]
  const listing: Block[] = [
    { heading: 'Queries that came out otherwise', level: 2 },
    { text: `${changed.length} of ${queries.changed} are listed, the largest change first.` },
    { table: { head: ['query', '', 'passage', 'answer', 'grades'], rows: changedRows(changed) } },
  ]
  return {
    title: `${named(result.b)} against ${named(result.a)}`,
    data: result,
    blocks: [
      { list: [...whoOf('A', result.a), ...whoOf('B', result.b), queriesText(result)] },
      ...(warnings.length > 0 ? [{ heading: 'Warnings', level: 2 } as const, { list: warnings }] : []),
      { heading: 'Figures', level: 2 },
      ...graded,
      ...(changed.length > 0 ? listing : []),
    ],
  }
}
