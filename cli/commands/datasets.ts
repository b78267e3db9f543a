import type { Command } from 'commander'
import { fingerprint, readQueries } from '../../adapters/files/index.ts'
import { Fatal } from '../../runtime/errors.ts'
import { positive, withGlobals, type Io } from '../command.ts'
import { presets, sampleOf, splitOf, type Named } from '../datasets.ts'
import { table } from '../report.ts'

interface Flags {
  readonly dataset?: string
  readonly sample?: number
  readonly seed: string
  readonly json?: boolean
}

const presetRows = presets.flatMap(({ name, title, splits }) =>
  splits.map(({ split, queries, file, evaluation }, i) => [
    ...(i === 0 ? [name, title] : ['', '']),
    ...[split, String(queries), evaluation ? 'evaluation' : 'training', file],
  ]),
)

const presetText = (): string =>
  [
    table([['name', 'dataset', 'split', 'queries', 'use', 'file'], ...presetRows]),
    ...presets.map(
      ({ name, project, format, paper }) => `${name}\n  from    ${project}\n  format  ${format}\n  paper   ${paper}`,
    ),
    'Sizes are the projects’ own statements. Nothing is downloaded, and no checksum is claimed: gainstream datasets look <file> hashes yours.',
  ].join('\n\n')

const list =
  (io: Io) =>
  ({ json }: { json?: boolean }) =>
    io.out(json ? JSON.stringify(presets) : presetText())

/** What is in a file of queries; with --sample, which ones would be drawn. */
const looked = async (io: Io, path: string, { dataset: fallback = '', sample, seed }: Flags) => {
  const { sha256, bytes } = await fingerprint(path, io.signal)
  const named = ({ id, dataset }: Named) => ({ id, dataset: dataset === '' ? fallback : dataset })
  const counts = new Map<string, { queries: number; with_answers: number; with_gold_passages: number }>()
  for await (const { value } of readQueries(path, { signal: io.signal })) {
    const { dataset } = named(value)
    const own = counts.get(dataset) ?? { queries: 0, with_answers: 0, with_gold_passages: 0 }
    counts.set(dataset, own)
    own.queries++
    if (value.answers.length > 0) own.with_answers++
    if (value.gold_passage_ids.length > 0) own.with_gold_passages++
  }
  if (counts.size === 0) throw new Fatal(`${path} holds no queries`)
  const datasets = [...counts].sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    ...{ path, sha256, bytes },
    datasets: datasets.map(([dataset, own]) => ({ dataset, ...own, split: splitOf(dataset, own.queries) })),
    sample: sample === undefined ? null : await sampleOf(path, { read: readQueries }, named, { n: sample, seed }, io.signal), // prettier-ignore
  }
}

const look = (io: Io) => async (path: string, flags: Flags) => {
  const found = await looked(io, path, flags)
  if (flags.json) return io.out(JSON.stringify(found))
  const rows = found.datasets.map(({ dataset, queries, with_answers, with_gold_passages, split }) => [
    dataset === '' ? '(no dataset)' : dataset,
    ...[queries, with_answers, with_gold_passages].map(String),
    split,
  ])
  const { sample } = found
  io.out(
    [
      `${path}: ${found.bytes} bytes, sha256 ${found.sha256}`,
      table([['', 'queries', 'with answers', 'with gold passages', 'which'], ...rows]),
      ...(sample
        ? [`${sample.ids.length} of ${sample.of} drawn with seed ${sample.seed}, every dataset in proportion:`]
        : []),
      ...(sample?.ids ?? []),
    ].join('\n'),
  )
}

export const datasetsCommand = (program: Command, io: Io) => {
  program.enablePositionalOptions()
  const command = program
    .command('datasets')
    .description('the datasets of the paper: formats, splits, sizes and where their files come from')
  withGlobals(command, false).action(list(io))
  const looking = command
    .command('look <queries>')
    .description('what a file of queries holds, its sha256, and which of its queries a sample would draw')
    .option('--dataset <name>', 'for queries that name none')
    .option('--sample <n>', 'list the ids of so many, every dataset in proportion', positive)
    .option('--seed <text>', 'another seed draws others', '1')
  withGlobals(looking, false).action(look(io))
}
