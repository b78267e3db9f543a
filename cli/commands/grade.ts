import type { Command } from 'commander'
import { readPredictions } from '../../adapters/files/index.ts'
import { grade, type Grades } from '../../method/grade.ts'
import { overall, type Interval, type Overall } from '../../method/statistics.ts'
import { Rejected } from '../../runtime/errors.ts'
import { withGlobals, type Io } from '../command.ts'
import { remarks } from '../progress.ts'
import { table } from '../report.ts'

const names = ['strict_em', 'boundary_em', 'containment_em', 'f1'] as const
type Name = (typeof names)[number]

type Figures = { n: number } & { [K in Name]: number } & { [K in `${Name}_interval`]: [number, number] }

/** One scope's figures, ×100, each with its interval in a sibling field. */
const figures = (of: (name: Name) => Interval): Figures =>
  Object.fromEntries([
    ['n', of('f1').n],
    ...names.flatMap((name) => {
      const { mean, low, high } = of(name)
      return [
        [name, 100 * mean],
        [`${name}_interval`, [100 * low, 100 * high]],
      ]
    }),
  ]) as Figures

/** `overall` is the micro mean (every query weighs the same), `macro` the mean of the datasets' means. */
export const graded = (rows: readonly { dataset: string; grades: Grades }[]) => {
  const scopes = Object.fromEntries(
    names.map((name) => {
      const values = new Map<string, number[]>()
      for (const { dataset, grades } of rows) {
        const own = values.get(dataset)
        if (own) own.push(grades[name])
        else values.set(dataset, [grades[name]])
      }
      return [name, overall(values)!]
    }),
  ) as Record<Name, Overall>
  const datasets = Object.keys(scopes.f1.datasets)
  return {
    overall: figures((name) => scopes[name].micro),
    macro: figures((name) => scopes[name].macro),
    datasets: Object.fromEntries(
      datasets.map((dataset) => [dataset, figures((name) => scopes[name].datasets[dataset]!)]),
    ),
  }
}

const shown = (value: number, [low, high]: [number, number]) =>
  `${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`

const asTable = (result: ReturnType<typeof graded>) => {
  const rows = [
    ['overall', result.overall] as const,
    ['macro', result.macro] as const,
    ...Object.entries(result.datasets),
  ]
  const cells = rows.map(([scope, of]) => [
    scope === '' ? '(no dataset)' : scope,
    String(of.n),
    ...names.map((name) => shown(of[name], of[`${name}_interval`])),
  ])
  return table([['', 'n', 'strict EM', 'boundary EM', 'containment EM', 'F1'], ...cells])
}

const act =
  (io: Io) =>
  async (path: string, { json }: { json?: boolean }) => {
    const rows: { dataset: string; grades: Grades }[] = []
    let ungraded = 0
    const { hold, say } = remarks(io.screen)
    for await (const { value } of readPredictions(path, { signal: io.signal, onIgnored: hold })) {
      const grades = grade(value.prediction, value.answers, value.lang)
      if (grades) rows.push({ dataset: value.dataset, grades })
      else ungraded++
    }
    if (rows.length === 0) throw new Rejected(`${path}: no line has a gold answer, so nothing can be graded`)
    say()
    const result = { ...graded(rows), ...(ungraded > 0 && { ungraded }) }
    if (json) return io.out(JSON.stringify(result))
    io.out(
      `${asTable(result)}\n(×100, with 95 % bootstrap intervals${ungraded > 0 ? `; ${ungraded} without golds` : ''})`,
    )
  }

export const gradeCommand = (program: Command, io: Io) => {
  const command = program
    .command('grade <predictions>')
    .description('grade lines {id?, dataset?, prediction, answers[]}: strict, boundary and containment EM, and F1')
  withGlobals(command, false).action(act(io))
}
