/** Where training groups come from: the samples of a stream, or a file that `gainstream export samples` wrote. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { originOf } from '../../runtime/handle.ts'
import { Fatal, Rejected, sentence } from '../../runtime/errors.ts'
import { samples } from '../../topics/index.ts'
import type { World } from '../world.ts'

const figure = z.number().nullable().default(null)

const Passage = z.object({
  ...{ id: z.string(), title: z.string(), text: z.string(), source: z.string(), rank: z.int().min(1) },
  ...{ mean_nll: z.number(), score: z.number(), retrieval_score: figure, twin_of: z.string().nullable().default(null) },
  ...{ dense_rank: figure, dense_score: figure, sparse_rank: figure, sparse_score: figure },
})

/** A sample as far as a training reads it. */
const Given = z.object({
  run: z.string(),
  query: z.object({
    ...{ id: z.string(), question: z.string(), dataset: z.string().default('') },
    gold_passage_ids: z.array(z.string()).default([]),
  }),
  outcome: z.enum(['kept', 'filtered']),
  measure: z.string(),
  alpha: z.number(),
  settings: z.string().default(''),
  scorer: z.object({ prompt: z.string().nullable().default(null) }).default({ prompt: null }),
  passages: z.array(Passage),
})
export type TrainingSample = z.infer<typeof Given>
export type TrainingPassage = TrainingSample['passages'][number]

const parsed = (line: string, where: string): TrainingSample => {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw new Rejected(`${where} is no JSON (${sentence(error)})`, { cause: error })
  }
  const read = Given.safeParse(value)
  if (read.success) return read.data
  const { path, message } = read.error.issues[0]!
  throw new Rejected(
    `${where}: ${path.join('.') || 'the record'}: ${message}; such a file is written by gainstream export samples --out FILE`,
  )
}

/** @throws Fatal where a file cannot be read, Rejected with the file and the line */
export async function* samplesOfFiles(files: readonly string[]): AsyncGenerator<TrainingSample> {
  for (const file of files) {
    let number = 0
    const input = createReadStream(file)
    const opened = new Promise<never>((_, reject) => input.once('error', reject))
    opened.catch(() => {})
    try {
      await Promise.race([opened, new Promise((resolve) => input.once('open', resolve))])
      for await (const line of createInterface({ input }))
        if (++number && line.trim() !== '') yield parsed(line, `${file}, line ${number}`)
    } catch (error) {
      if (error instanceof Rejected) throw error
      throw new Fatal(`${file} cannot be read (${sentence(error)})`, { cause: error })
    }
  }
}

const sampleOf = async (codec: World['codec'], value: Buffer): Promise<TrainingSample> => {
  const sample = await codec.decode(samples, value)
  return { ...sample, outcome: sample.outcome === 'kept' ? 'kept' : 'filtered' }
}

/** Of these runs; none named: of all. A query that was retried comes more than once, its newest sample last. */
export async function* samplesOfStream(
  { log, names, codec }: World,
  runs: readonly string[],
): AsyncGenerator<TrainingSample> {
  for await (const record of log.read(names.topic(samples))) {
    if (record.value === null || (runs.length > 0 && !runs.includes(originOf(record, samples).run))) continue
    yield await sampleOf(codec, record.value)
  }
}
