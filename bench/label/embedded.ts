/**
 * Passages labelled per second: the embedded scorer beside a batch-1 Transformers loop, on the same weights, queries,
 * prompts and machine, one after the other in one run. `npm run bench -- label embedded [--queries 6] [--passages 10] [--json]`
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { addonOf } from '../../adapters/llama/addon.ts'
import { openChat } from '../../adapters/llama/chat.ts'
import { openLlama } from '../../adapters/llama/index.ts'
import { openModel } from '../../adapters/llama/model.ts'
import { openPrompts } from '../../adapters/reader/prompts.ts'
import { readerModel } from '../../adapters/models/reader.ts'
import { answering } from '../../method/prompt.ts'
import { sentence } from '../../runtime/errors.ts'
import { dataFolder } from '../data.ts'
import { home } from './home.ts'
import { openPeer } from './peer.ts'
import { labelQueries, type LabelQuery } from './queries.ts'

const { values } = parseArgs({
  options: {
    queries: { type: 'string', default: '6' },
    passages: { type: 'string', default: '10' },
    threads: { type: 'string', default: '2' },
    peer: { type: 'boolean', default: true },
    json: { type: 'boolean', default: false },
  },
  allowNegative: true,
})
const threads = Number(values.threads)
const say = (line: string) => void (values.json ? process.stderr : process.stdout).write(`${line}\n`)
const never = new AbortController().signal
const modelPath = await readerModel({ home })

/** The prompts as token ids, for the peer. */
const asTokens = async (queries: readonly LabelQuery[], golds: number) => {
  const opened = await openModel(modelPath, 1, false)
  const context = await opened.model.createContext({ contextSize: 64 })
  const tokenizer = { tokenize: (text: string) => opened.model.tokenize(text), detokenize: () => '' }
  const prompts = openPrompts(openChat(opened.model, addonOf(context, opened.model)), tokenizer, 1024)
  const requests = await Promise.all(
    queries.map(async ({ question, answers, passages }) => ({
      base: await prompts.prompt(answering, question, [], never),
      golds: await Promise.all(answers.slice(0, golds).map((answer) => prompts.answer(answer, never))),
      passages: await Promise.all(passages.map((passage) => prompts.prompt(answering, question, [passage], never))),
    })),
  )
  await context.dispose()
  await opened.close()
  return requests
}

/** Queries at once: two keep the sequences busy while one of them begins. */
const ours = async (queries: readonly LabelQuery[], golds: number) => {
  const llama = await openLlama({ modelPath, threads })
  const ask = ({ question, answers, passages }: LabelQuery) =>
    llama.scorer.score(
      { question, answers: answers.slice(0, golds), passages, template: answering, alphas: [0.5], passageTokens: 512 },
      never,
    )
  await ask({ ...queries[0]!, passages: queries[0]!.passages.slice(0, 1) })
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const [started, cpu] = [performance.now(), process.cpuUsage()]
  const scores = await Promise.all(queries.map(ask))
  const seconds = (performance.now() - started) / 1e3
  const used = process.cpuUsage(cpu)
  delay.disable()
  await llama.close()
  const figures = scores.flatMap(({ passages }) =>
    passages.map((one) => ('unscored' in one ? [] : one.answers.map(({ contrast: [c = []] }) => -c.reduce((a, b) => a + b, 0) / c.length))),
  ) // prettier-ignore
  const tokens = scores.reduce((sum, { usage }) => sum + usage.prompt_tokens, 0)
  return {
    passages: figures.length,
    seconds,
    cpu: (used.user + used.system) / 1e6,
    tokens,
    delay: delay.max / 1e6,
    figures,
  }
}

const peer = values.peer
  ? await openPeer().catch((error: unknown) => say(`no peer beside ours: ${sentence(error).split('\n')[0] ?? ''}`))
  : undefined
const folder = await mkdtemp(join(tmpdir(), 'gainstream-label-'))
const results = []
for (const golds of [1, 2]) {
  const queries = labelQueries({ folder: dataFolder(), queries: Number(values.queries), passages: Number(values.passages), golds }) // prettier-ignore
  const requests = await asTokens(queries, golds)
  const file = join(folder, `${golds}.json`)
  await writeFile(file, JSON.stringify(requests))
  const { figures, ...mine } = await ours(queries, golds)
  const theirs = peer
    ? await peer({ model: modelPath, requests: file, way: 'batch1', dtype: 'float32', threads })
    : undefined
  const differences = theirs?.mean_nll.flatMap((row, p) => row.map((nll, a) => Math.abs(nll - figures[p]![a]!))).sort((a, b) => a - b) // prettier-ignore
  results.push({
    golds,
    passages: mine.passages,
    ours: mine.passages / mine.seconds,
    peer: theirs ? theirs.passages / theirs.seconds : null,
    ratio: theirs ? mine.passages / mine.seconds / (theirs.passages / theirs.seconds) : null,
    tokens_per_second: mine.tokens / mine.seconds,
    tokens_per_passage: mine.tokens / mine.passages,
    prompt_tokens: requests.flatMap(({ passages }) => passages).reduce((sum, p) => sum + p.length, 0) / mine.passages,
    cpu_per_second: mine.cpu / mine.seconds,
    event_loop_delay_ms: mine.delay,
    median_difference_nats: differences?.[differences.length >> 1] ?? null,
  })
}
await rm(folder, { recursive: true })
if (values.json) console.log(JSON.stringify({ bench: 'label', threads, results }))
else console.table(results.map((row) => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, v === null ? '–' : Number(v.toFixed(2))])))) // prettier-ignore
