import { basename, join } from 'node:path'
import type { Command } from 'commander'
import { fingerprint, readQueries, writeLines } from '../../adapters/files/index.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { Query } from '../../schemas/query.ts'
import { configOf, positive, withGlobals, type Globals, type Io } from '../command.ts'
import { runCommand, type Add } from '../program.ts'
import { planOf, typed } from '../reproduction.ts'
import { Interrupted } from '../work.ts'

interface Flags extends Globals {
  readonly corpus: string
  readonly train: string[]
  readonly evaluation: string[]
  readonly out: string
  readonly base?: string
  readonly paper?: boolean
  readonly filtered?: boolean
  readonly reranker?: string
  readonly evaluationK?: number
  readonly limit?: number
  readonly allowOverlap?: boolean
  readonly plan?: boolean
}

/** The dataset of a file whose queries name none: `hotpotqa` of `hotpotqa.dev.json`. */
const datasetOf = (path: string): string => basename(path).split('.')[0]!.toLowerCase()

/** All queries of some files as one, each with its dataset. @throws Fatal for an id that two queries have */
async function* together(paths: readonly string[], limit: number, io: Io): AsyncGenerator<string> {
  const seen = new Map<string, string>()
  for (const path of paths) {
    let taken = 0
    for await (const { value } of readQueries(path, { signal: io.signal })) {
      if (taken++ >= limit) break
      const before = seen.get(value.id)
      if (before !== undefined)
        throw new Fatal(`two queries have the id ${value.id}, in ${before} and in ${path}: give one of them another id`)
      seen.set(value.id, path)
      yield JSON.stringify({
        ...value,
        dataset: value.dataset === '' ? datasetOf(path) : value.dataset,
      } satisfies Query)
    }
  }
}

/** Which flags go on to every step; the stream is a matter of the step. */
const shared = ({ config, set, data, engine, reader, prefix, log }: Globals): string[] =>
  Object.entries({ config, data, engine, reader, prefix, log })
    .flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]))
    .concat(set.flatMap((setting) => ['--set', setting]))

/** Files by what they hold, so that a report says on what it was made. */
const hashed = async (paths: readonly string[]) => {
  const found = []
  for (const path of paths) found.push({ file: basename(path), ...(await fingerprint(path)) })
  return found
}

const act = (commands: readonly Add[], io: Io) => async (flags: Flags) => {
  const { out, limit = Infinity, stream } = flags
  const files = { train: join(out, 'train.jsonl'), evaluation: join(out, 'evaluation.jsonl') }
  const steps = planOf({
    ...{ corpus: flags.corpus, ...files, out, shared: shared(flags) },
    ...{ stream: stream ?? configOf(io, flags).stream, base: flags.base, reranker: flags.reranker },
    ...{ paper: flags.paper ?? false, filtered: flags.filtered ?? false, allowOverlap: flags.allowOverlap ?? false },
    evaluationK: flags.evaluationK,
  })
  if (flags.plan) return io.out(steps.map(typed).join('\n'))
  await writeLines(files.train, together(flags.train, limit, io))
  await writeLines(files.evaluation, together(flags.evaluation, limit, io))
  const inputs = await hashed([flags.corpus, ...flags.train, ...flags.evaluation])
  await writeLines(join(out, 'inputs.json'), [JSON.stringify(inputs, null, 2)])
  for (const [i, step] of steps.entries()) {
    if (io.signal.aborted) throw new Interrupted('stopped; the same command goes on from here')
    io.screen.write(`\n${i + 1}/${steps.length} ${step.title}${step.done ? ': done before' : ''}\n  ${typed(step)}\n`)
    if (step.done) continue
    const isLast = i === steps.length - 1
    const silent = flags.json && !isLast
    await runCommand(commands, [...step.argv, ...(flags.json ? ['--json'] : [])], {
      ...io,
      out: silent ? (text) => io.screen.write(`${text}\n`) : io.out,
    })
  }
}

/** @param commands that its steps are made of */
export const reproduceCommand =
  (commands: readonly Add[]): Add =>
  (program: Command, io: Io) => {
    const command = program
      .command('reproduce')
      .description('the whole experiment: index, label, train, answer and compare; goes on where it stopped')
      .requiredOption('--corpus <file>', 'passages')
      .requiredOption('--train <files...>', 'queries that are labelled and trained on')
      .requiredOption('--evaluation <files...>', 'queries that are answered and graded')
      .requiredOption('--out <folder>', 'selectors and report')
      .option('--base <model>', 'a folder or a hub name: a cross-encoder is trained, too, and chooses')
      .option('--reranker <folder>', 'an untrained reranker beside it')
      .option('--paper', "the paper's retrieval and filter instead of our defaults")
      .option('--filtered', 'train on queries, too, that the reader cannot answer')
      .option('--evaluation-k <n>', 'candidates of an evaluated query (the paper: 100; default: retrieve.k)', positive)
      .option('--limit <n>', 'only the first n queries of each file', positive)
      .option('--allow-overlap', 'although queries of the evaluation were trained on')
      .option('--plan', 'only print the commands that it stands for')
    withGlobals(command).action(act(commands, io))
  }
