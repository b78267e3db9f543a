import { Argument, InvalidArgumentError, Option, type Command } from 'commander'
import { flagEmbeddingLine, sentenceTransformersLine, writeLines } from '../../adapters/files/index.ts'
import { contrastGroup } from '../../method/group.ts'
import { Fatal } from '../../runtime/errors.ts'
import { originOf } from '../../runtime/handle.ts'
import type { Stored } from '../../runtime/log.ts'
import type { Topic } from '../../runtime/topic.ts'
import type { Sample } from '../../schemas/sample.ts'
import { catalogue, samples } from '../../topics/index.ts'
import { configOf, inStream, withGlobals, type Globals, type Io } from '../command.ts'
import type { World } from '../world.ts'

type Format = 'jsonl' | 'flagembedding' | 'sentence-transformers'

interface Flags extends Globals {
  readonly format: Format
  readonly run?: string
  readonly out?: string
  readonly minMargin: number
  readonly dropAnswerNegatives?: boolean
}

interface Counts {
  exported: number
  filtered: number
  without_negatives: number
  dropped_within_margin: number
  dropped_with_answer: number
}

/** The newest record of each key, in the order of the partitions: a query that was retried is exported once. */
async function* newest({ log, names }: World, topic: Topic, run: string | undefined): AsyncGenerator<Stored> {
  const name = names.topic(topic)
  const last = new Map<string, string>()
  const wanted = (record: Stored) => run === undefined || originOf(record, topic).run === run
  const place = ({ partition, position }: Stored) => `${partition}/${position}`
  for await (const record of log.read(name)) if (wanted(record)) last.set(String(record.key), place(record))
  for await (const record of log.read(name)) {
    if (wanted(record) && record.value !== null && last.get(String(record.key)) === place(record)) yield record
  }
}

/** A sample without its likeliest false negatives; undefined where nothing is left to tell apart. */
const clear = (
  sample: Sample,
  { minMargin, dropAnswerNegatives = false }: Flags,
  counts: Counts,
): Sample | undefined => {
  const group = contrastGroup(sample.passages, { minMargin, dropAnswerNegatives })
  counts.dropped_within_margin += group?.dropped.withinMargin ?? 0
  counts.dropped_with_answer += group?.dropped.holdsAnswer ?? 0
  return group && group.negatives.length > 0 ? { ...sample, passages: [group.positive, ...group.negatives] } : undefined
}

const lineOf: Record<Format, (sample: Sample) => string> = {
  jsonl: (sample) => JSON.stringify(sample),
  flagembedding: flagEmbeddingLine,
  'sentence-transformers': sentenceTransformersLine,
}

async function* sampleLines(world: World, flags: Flags, counts: Counts): AsyncGenerator<string> {
  for await (const record of newest(world, samples, flags.run)) {
    const sample = await world.codec.decode(samples, record.value!)
    if (sample.outcome !== 'kept' && flags.format !== 'jsonl') {
      counts.filtered++
      continue
    }
    const left = sample.outcome === 'kept' ? clear(sample, flags, counts) : sample
    if (!left) {
      counts.without_negatives++
      continue
    }
    counts.exported++
    yield lineOf[flags.format](left)
  }
}

async function* recordLines(world: World, topic: Topic, run: string | undefined, counts: Counts) {
  for await (const record of newest(world, topic, run)) {
    counts.exported++
    yield JSON.stringify(await world.codec.decode(topic, record.value!))
  }
}

const exportable = catalogue.filter(({ schema, control, compact }) => schema && !control && !compact)

const act = (io: Io) => async (name: string, flags: Flags) => {
  const topic = exportable.find((each) => each.name === name)!
  if (topic !== samples && flags.format !== 'jsonl') throw new Fatal(`--format ${flags.format} is for samples only`)
  const counts: Counts = {
    ...{ exported: 0, filtered: 0, without_negatives: 0, dropped_within_margin: 0, dropped_with_answer: 0 },
  }
  await inStream(configOf(io, flags), io, async (world) => {
    const lines = topic === samples ? sampleLines(world, flags, counts) : recordLines(world, topic, flags.run, counts)
    if (flags.out !== undefined) await writeLines(flags.out, lines)
    else
      for await (const line of lines) {
        io.signal.throwIfAborted()
        io.out(line)
        await io.keptUp?.()
      }
  })
  const summary = Object.entries(counts)
    .filter(([key, n]) => key === 'exported' || n > 0)
    .map(([key, n]) => `${key.replaceAll('_', ' ')}: ${n}`)
    .join(', ')
  if (counts.exported === 0)
    throw new Fatal(`there are no ${name}${flags.run ? ` of run ${flags.run}` : ''} to export (${summary})`)
  if (flags.out !== undefined && flags.json) io.out(JSON.stringify({ ...counts, out: flags.out }))
  else io.screen.write(`${summary}\n`)
}

const nats = (value: string) => {
  const number = Number(value)
  if (!(number >= 0)) throw new InvalidArgumentError('It must be a number of nats, 0 or more.')
  return number
}

export const exportCommand = (program: Command, io: Io) => {
  const command = program
    .command('export')
    .description('write samples (or any topic of the stream) to a file or standard output')
    .addArgument(new Argument('<topic>').choices(exportable.map(({ name }) => name)))
    .addOption(
      new Option('--format <format>').choices(['jsonl', 'flagembedding', 'sentence-transformers']).default('jsonl'),
    )
    .option('--run <name>', 'only this run')
    .option('-o, --out <file>', 'written aside and renamed (default: standard output)')
    .option('--min-margin <nats>', 'drop negatives whose mean NLL lies within this of the positive', nats, 0)
    .option('--drop-answer-negatives', 'drop negatives that hold an answer')
  withGlobals(command).action(act(io))
}
