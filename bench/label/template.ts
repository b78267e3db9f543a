/**
 * Question first or passage first? What all prompts of a query share stands at the front of the first kind and is
 * prefilled once. Both are measured for the rate at which passages are labelled, and for what the reader answers with
 * the gold passage: exact match and F1.
 *
 *     npm run bench -- label template [--data FOLDER] [--queries 8] [--answers 60] [--json]
 */
import { parseArgs } from 'node:util'
import { fastestDtype, type Dtype } from '../../adapters/stack/index.ts'
import { openVllm } from '../../adapters/vllm/index.ts'
import { scoring } from '../../cli/bench/sides.ts'
import { grade } from '../../method/index.ts'
import type { Reader } from '../../method/ports.ts'
import { answering, type PromptTemplate } from '../../method/prompt.ts'
import { dataFolder, missing } from '../data.ts'
import { machine, rounded } from '../kafka/machine.ts'
import { labelQueries } from './queries.ts'
import { sideRow } from './row.ts'
import { benchServer, type BenchServer } from './server.ts'
import { turns } from './turns.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: dataFolder() },
    queries: { type: 'string', default: '8' },
    answers: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '2' },
    dtype: { type: 'string', default: fastestDtype() },
    url: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const never = new AbortController().signal
const say = (line: string) => void process.stderr.write(`${line}\n`)

/** The same words in the other order. */
const passageFirst: PromptTemplate = {
  ...answering,
  user: '{evidence}\n\nQuestion: {question}\n\nGive only the answer, a name, date, number or short phrase.',
}
const templates = { 'question first': answering, 'passage first': passageFirst }

const asked = (queries: number, passages: number) => labelQueries({ folder: values.data, queries, passages })

/** Means over the queries, in per cent. */
const answered = async (reader: Reader, template: PromptTemplate, n: number) => {
  const sums = { strict_em: 0, boundary_em: 0, containment_em: 0, f1: 0 }
  for (const { question, answers, passages, gold } of asked(n, 1)) {
    const request = { question, passages: [passages[gold]!], template, passageTokens: 512, maxTokens: 32 }
    const { text } = await reader.answer(request, never)
    const graded = grade(text, answers, 'en')
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += graded?.[name] ?? 0
  }
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, rounded((100 * sum) / n, 1)]))
}

const main = async (server: BenchServer) => {
  const vllm = await openVllm({ source: { kind: 'list', urls: [server.url] }, tokenizer: server.model })
  try {
    const queries = asked(Number(values.queries), 10).map((query) => ({ ...query, answers: query.answers.slice(0, 1) }))
    const about = { machine: machine(), server: vllm.scorer.identity, queries: queries.length, passages: 10, golds: 1 }
    const tasks = async (template: PromptTemplate) => ({ tasks: await scoring(vllm.scorer, template)(queries, never), atOnce: 4 }) // prettier-ignore
    const sides = { 'question first': await tasks(answering), 'passage first': await tasks(passageFirst) }
    await sides['question first'].tasks[0]!.run()
    const taken = Number(values.rounds) > 0 ? await turns(server, sides, Number(values.rounds), say) : undefined
    const rows = []
    for (const name of ['question first', 'passage first'] as const) {
      const rate = taken ? sideRow(taken[name]) : {}
      rows.push({ template: name, ...rate, answers: Number(values.answers), ...(await answered(vllm.reader, templates[name], Number(values.answers))) }) // prettier-ignore
    }
    if (values.json) return console.log(JSON.stringify({ bench: 'label template', ...about, rows }))
    console.log(about)
    console.table(rows)
  } finally {
    await vllm.close()
  }
}

const lacking = missing(values.data)
if (lacking === undefined) {
  const server = await benchServer({ url: values.url, dtype: values.dtype as Dtype, threads: 2 })
  await main(server).finally(() => server.stop())
} else console.error(`skipped: ${lacking}`)
