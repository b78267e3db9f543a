/**
 * Gains without any text: `node bench/selector/labels.ts gains.jsonl samples.jsonl labels.jsonl.gz`, from
 * `gainstream export gains` and `export samples` of one run. What was measured at the cost of an hour is kept so; the
 * texts come back by id from the corpus that was labelled.
 */
import { createReadStream, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { gzipSync } from 'node:zlib'
import type { Gains } from '../../schemas/gains.ts'
import type { Sample } from '../../schemas/sample.ts'

/** Of one candidate: where retrieval had it, and what it gains (nats a token; null where it was not scored). */
export interface Labelled {
  readonly id: string
  readonly rank: number
  readonly score: number | null
  readonly dense_rank: number | null
  readonly dense_score: number | null
  readonly sparse_rank: number | null
  readonly sparse_score: number | null
  readonly mean_nll: number | null
  readonly plain_mean_nll: number | null
  readonly infogain: number | null
}

/** Of one query. `outcome` and `reason` are those of the answerable filter. */
export interface Label {
  readonly id: string
  readonly outcome: string
  readonly reason: string
  readonly base_mean_nll: number | null
  readonly passages: readonly Labelled[]
}

async function* records<T>(file: string): AsyncGenerator<T> {
  for await (const line of createInterface({ input: createReadStream(file) }))
    if (line !== '') yield JSON.parse(line) as T
}

/** Six digits: labels of bfloat16 weights are no more exact, and the file is half as large. */
const short = (value: number | null): number | null => (value === null ? null : Number(value.toPrecision(6)))

const labelOf = ({ query, passages, gains }: Gains, sample: Sample | undefined): Label => {
  const of = new Map(gains.map((gain) => [gain.passage_id, gain]))
  return {
    id: query.id,
    outcome: sample?.outcome ?? '',
    reason: sample?.reason ?? '',
    base_mean_nll: short(gains.find(({ base_mean_nll }) => base_mean_nll !== null)?.base_mean_nll ?? null),
    passages: passages.map(({ id, rank, score, dense_rank, dense_score, sparse_rank, sparse_score }) => {
      const gain = of.get(id)
      return {
        ...{ id, rank, score: short(score), dense_rank, dense_score: short(dense_score) },
        ...{ sparse_rank, sparse_score: short(sparse_score), mean_nll: short(gain?.mean_nll ?? null) },
        ...{ plain_mean_nll: short(gain?.plain_mean_nll ?? null), infogain: short(gain?.infogain ?? null) },
      }
    }),
  }
}

const [gainsFile, samplesFile, out] = process.argv.slice(2)
if (!gainsFile || !samplesFile || !out) throw new Error('say three files: gains, samples, and where to write')
const samples = new Map<string, Sample>()
for await (const sample of records<Sample>(samplesFile)) samples.set(sample.query.id, sample)
const labels = new Map<string, Label>()
for await (const each of records<Gains>(gainsFile)) labels.set(each.query.id, labelOf(each, samples.get(each.query.id)))
const lines = [...labels.values()].sort((a, b) => (a.id < b.id ? -1 : 1)).map((label) => `${JSON.stringify(label)}\n`)
writeFileSync(out, gzipSync(lines.join(''), { level: 9 }))
console.log(
  `${labels.size} queries, ${[...labels.values()].flatMap(({ passages }) => passages).length} candidates: ${out}`,
)
