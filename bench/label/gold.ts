/**
 * How often does the gold passage have the most gain among 10 candidates? `node bench/label/gold.ts [--queries 20]`
 */
import { parseArgs } from 'node:util'
import { openLlama } from '../../adapters/llama/index.ts'
import { readerModel } from '../../adapters/models/reader.ts'
import type { AnswerScore } from '../../method/ports.ts'
import { answering } from '../../method/prompt.ts'
import { dataFolder } from '../data.ts'
import { home } from './home.ts'
import { labelQueries } from './queries.ts'

const { values } = parseArgs({
  options: { queries: { type: 'string', default: '20' }, threads: { type: 'string', default: '2' }, json: { type: 'boolean', default: false } },
}) // prettier-ignore
const never = new AbortController().signal
const mean = (some: readonly number[]) => some.reduce((a, b) => a + b, 0) / some.length

const llama = await openLlama({ modelPath: await readerModel({ home }), threads: Number(values.threads) })
const wins = { contrastive: 0, plain: 0, infogain: 0 }
const queries = labelQueries({ folder: dataFolder(), queries: Number(values.queries), passages: 10 })
for (const { question, answers, passages, gold } of queries) {
  const request = { question, answers, passages, template: answering, alphas: [0.5], passageTokens: 512 }
  const { base, passages: scored } = await llama.scorer.score(request, never)
  /** The best gold per passage decides. */
  const best = (figure: (score: AnswerScore, answer: number) => number) => {
    const figures = scored.map((one) => ('unscored' in one ? -Infinity : Math.max(...one.answers.map(figure))))
    return figures.indexOf(Math.max(...figures))
  }
  wins.contrastive += Number(best(({ contrast }) => mean(contrast[0]!)) === gold)
  wins.plain += Number(best(({ plain }) => mean(plain)) === gold)
  wins.infogain += Number(best(({ plain }, a) => mean(plain) - mean(base[a]!)) === gold)
}
await llama.close()
const shares = Object.fromEntries(Object.entries(wins).map(([name, n]) => [name, n / queries.length]))
if (values.json) console.log(JSON.stringify({ queries: queries.length, candidates: 10, gold_first: shares }))
else console.log(`gold passage first of 10 in ${queries.length} queries:`, shares)
