/**
 * The other way round: gains without text become samples again, as `gainstream train --samples FILE` reads them.
 *
 *   node bench/selector/samples.ts OUT.jsonl [LABELS.jsonl.gz]
 *
 * Passages come back by id from the benchmark's corpus; those that were not scored stay out, as in a sample.
 */
import { writeLines } from '../../adapters/files/index.ts'
import { teacherScore } from '../../method/group.ts'
import { corpus, missing } from '../data.ts'
import { queriesOf, readLabels } from './material.ts'

const [out, labels = new URL('labels/train.jsonl.gz', import.meta.url).pathname] = process.argv.slice(2)
const lacking = missing() ?? (out === undefined ? 'name the file to write' : undefined)
if (lacking !== undefined) throw new Error(lacking)

const byId = new Map((await corpus()).map((passage) => [passage.id, passage]))
const labelled = await readLabels(labels)

const lines = queriesOf('train').flatMap((query) => {
  const label = labelled.get(query.id)
  if (label === undefined) return []
  const passages = label.passages.flatMap(({ score, mean_nll, plain_mean_nll: _, infogain: __, ...ranked }) => {
    const { title, text } = byId.get(ranked.id)!
    const found = { ...ranked, title, text, source: 'retrieved', retrieval_score: score }
    return mean_nll === null ? [] : [{ ...found, mean_nll, score: teacherScore(mean_nll) }]
  })
  const kind = { run: 'train', measure: 'contrastive', alpha: 0.5 }
  return [JSON.stringify({ ...kind, query, outcome: label.outcome, passages })]
})
await writeLines(out!, lines)
console.log(`${lines.length} samples in ${out}`)
