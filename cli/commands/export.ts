import { Argument, InvalidArgumentError, Option, type Command } from 'commander'
import { parquetOf, writeBytes, writeLines, type Row } from '../../adapters/files/index.ts'
import { Fatal } from '../../runtime/errors.ts'
import { originOf } from '../../runtime/handle.ts'
import type { Stored } from '../../runtime/log.ts'
import type { Topic } from '../../runtime/topic.ts'
import { catalogue, samples } from '../../topics/index.ts'
import { configOf, inStream, number, positive, withGlobals, type Globals, type Io } from '../command.ts'
import { columnsOf, countsText, formats, noCounts, shaped, tabular, type Counts, type Format } from '../exporting.ts'
import { follow } from '../follow.ts'
import { progress } from '../progress.ts'
import { Interrupted } from '../work.ts'
import type { World } from '../world.ts'

interface Flags extends Globals {
  readonly format: Format
  readonly parquet?: boolean
  readonly run?: string
  readonly out?: string
  readonly minMargin: number
  readonly dropAnswerNegatives?: boolean
  readonly follow?: boolean
  readonly untilEmpty?: boolean
  readonly rollRecords: number
  readonly rollSeconds: number
}

const wantedBy = (run: string | undefined, topic: Topic) => (record: Stored) =>
  run === undefined || originOf(record, topic).run === run

/** The newest record of each key, in the order of the partitions: a query that was retried is exported once. */
async function* newest({ log, names }: World, topic: Topic, run: string | undefined): AsyncGenerator<Stored> {
  const name = names.topic(topic)
  const last = new Map<string, string>()
  const wanted = wantedBy(run, topic)
  const place = ({ partition, position }: Stored) => `${partition}/${position}`
  for await (const record of log.read(name)) if (wanted(record)) last.set(String(record.key), place(record))
  for await (const record of log.read(name)) {
    if (wanted(record) && record.value !== null && last.get(String(record.key)) === place(record)) yield record
  }
}

async function* rowsOf(world: World, topic: Topic, flags: Flags, counts: Counts, io: Io) {
  const shape = shaped(world, topic, flags, counts)
  for await (const record of newest(world, topic, flags.run)) {
    io.signal.throwIfAborted()
    const row = await shape(record)
    if (row) yield { key: String(record.key), row }
  }
}

async function* linesOf(rows: AsyncIterable<{ row: Row }>) {
  for await (const { row } of rows) yield JSON.stringify(row)
}

/** A Parquet file is made in memory: for what is larger there are shards. */
const asParquet = async (path: string, format: Format, rows: AsyncIterable<{ key: string; row: Row }>) => {
  const all: Row[] = []
  for await (const { key, row } of rows) all.push(tabular(format, key, row))
  if (all.length > 0) await writeBytes(path, parquetOf(all, columnsOf[format]))
}

const once = async (world: World, topic: Topic, flags: Flags, counts: Counts, io: Io) => {
  const rows = rowsOf(world, topic, flags, counts, io)
  if (flags.parquet) return asParquet(flags.out!, flags.format, rows)
  if (flags.out !== undefined) return void (await writeLines(flags.out, linesOf(rows)))
  for await (const line of linesOf(rows)) {
    io.out(line)
    await io.keptUp?.()
  }
}

/** Shards until Ctrl-C, or until what was there has been written. */
const forever = async (world: World, topic: Topic, flags: Flags, counts: Counts, io: Io) => {
  const { run, format, minMargin, dropAnswerNegatives = false, parquet = false, untilEmpty = false } = flags
  const wanted = wantedBy(run, topic)
  const shape = shaped(world, topic, flags, counts)
  const bar = progress(`exporting ${topic.name}`, io.screen)
  const rolling = {
    ...{ folder: flags.out!, type: parquet ? ('parquet' as const) : ('jsonl' as const), format, untilEmpty },
    ...{ records: flags.rollRecords, seconds: flags.rollSeconds },
    about: { format, parquet, run: run ?? null, minMargin, dropAnswerNegatives },
    row: async (record: Stored) => {
      const row = wanted(record) ? await shape(record) : undefined
      bar.update(counts.exported, undefined, countsText(counts))
      return row
    },
    onShard: (file: string, rows: number) => flags.json && io.out(JSON.stringify({ file, rows })),
  }
  await follow(world, topic, rolling, io.signal)
  bar.end(`exporting ${topic.name} ${countsText(counts)}`)
  if (io.signal.aborted && untilEmpty) throw new Interrupted('stopped; the same command goes on from here')
}

const exportable = catalogue.filter(({ schema, control, compact }) => schema && !control && !compact)

const refused = (topic: Topic, { format, follow: follows, parquet, out, untilEmpty }: Flags): string | undefined => {
  if (topic !== (samples as Topic) && format !== 'jsonl') return `--format ${format} is for samples only`
  if (follows && out === undefined) return '--follow writes shards into a folder: name it with --out'
  if (parquet && out === undefined) return '--parquet needs a file or, with --follow, a folder: name it with --out'
  if (!parquet && !follows && out?.endsWith('.parquet')) return `--out ${out} asks for Parquet: add --parquet`
  if (untilEmpty && !follows) return '--until-empty goes with --follow'
  return undefined
}

const act = (io: Io) => async (name: string, flags: Flags) => {
  const topic = exportable.find((each) => each.name === name)!
  const wrong = refused(topic, flags)
  if (wrong !== undefined) throw new Fatal(wrong)
  const counts = noCounts()
  await inStream(configOf(io, flags), io, (world) => (flags.follow ? forever : once)(world, topic, flags, counts, io))
  if (flags.follow) return
  if (counts.exported === 0)
    throw new Fatal(`there are no ${name}${flags.run ? ` of run ${flags.run}` : ''} to export (${countsText(counts)})`)
  if (flags.out !== undefined && flags.json) io.out(JSON.stringify({ ...counts, out: flags.out }))
  else io.screen.write(`${countsText(counts)}\n`)
}

const nats = (value: string) => {
  const read = Number(value)
  if (!(read >= 0)) throw new InvalidArgumentError('It must be a number of nats, 0 or more.')
  return read
}

export const exportCommand = (program: Command, io: Io) => {
  const command = program
    .command('export')
    .description(
      'write samples (or any topic of the stream) to a file, to standard output, or to shards that keep coming',
    )
    .addArgument(new Argument('<topic>').choices(exportable.map((each) => each.name)))
    .addOption(new Option('--format <format>').choices([...formats]).default('jsonl'))
    .option('--parquet', 'Parquet instead of JSON Lines')
    .option('--run <name>', 'only this run')
    .option('-o, --out <file>', 'written aside and renamed (default: standard output); with --follow a folder')
    .option('--min-margin <nats>', 'drop negatives whose mean NLL lies within this of the positive', nats, 0)
    .option('--drop-answer-negatives', 'drop negatives that hold an answer')
    .option('--follow', 'keep writing shards named by partition and positions, until Ctrl-C; goes on where it stopped')
    .option('--until-empty', 'with --follow: end when what was there has been written')
    .option('--roll-records <n>', 'close a shard with so many records', positive, 10_000)
    .option('--roll-seconds <s>', 'close a shard so long after its first record', number, 60)
  withGlobals(command).action(act(io))
}
