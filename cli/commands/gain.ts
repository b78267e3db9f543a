import type { Command } from 'commander'
import { readGainRequests, type GainRequest } from '../../adapters/files/index.ts'
import { gainsOf } from '../../method/gain.ts'
import { distinctGolds } from '../../method/golds.ts'
import type { Scorer } from '../../method/ports.ts'
import { promptHash } from '../../method/prompt.ts'
import { Fatal, Rejected } from '../../runtime/errors.ts'
import type { Gain } from '../../schemas/gains.ts'
import type { Config } from '../config.ts'
import { configOf, number, withGlobals, type Globals, type Io } from '../command.ts'
import { progress, remarks } from '../progress.ts'
import { table } from '../report.ts'
import { promptFor } from '../settings.ts'
import { models } from '../world.ts'

interface Flags extends Globals {
  readonly alpha?: number
  readonly model?: string
  readonly dataset?: string
}

const perplexity = (meanNll: number | null) => (meanNll === null ? null : Math.exp(meanNll))

/** A gain as people and scripts read it: perplexities beside the mean negative log-likelihoods they come from. */
const shown = ({ passage_id, mean_nll, plain_mean_nll, infogain, answer, tokens, cut, unscored }: Gain) => ({
  passage_id,
  perplexity: perplexity(mean_nll),
  plain_perplexity: perplexity(plain_mean_nll),
  ...{ infogain, mean_nll, plain_mean_nll, answer, tokens },
  ...(cut > 0 && { cut }),
  ...(unscored !== null && { unscored }),
})

/** The gains of one line, or why it has none. */
const measured = async (scorer: Scorer, { query, passages }: GainRequest, config: Config, signal: AbortSignal) => {
  const { alpha, passage_tokens: passageTokens, max_golds: maxGolds, exact_golds: exact } = config.label
  const { golds, leftOut } = distinctGolds(query.answers, { lang: query.lang, exact, maxGolds })
  if (golds.length === 0) throw new Rejected(`query ${query.id} has no gold answer`)
  const template = promptFor(config)(query.dataset)
  const request = { question: query.question, answers: golds, passages, template, alphas: [alpha], passageTokens }
  const scores = await scorer.score(request, signal)
  return {
    id: query.id,
    alpha,
    scorer: { ...scorer.identity, prompt: promptHash(template), exact: scorer.exact },
    ...(leftOut > 0 && { golds_left_out: leftOut }),
    gains: gainsOf(scores, golds, passages).map(shown),
  }
}

type Line = Awaited<ReturnType<typeof measured>> | { id: string; rejected: string }

const asText = (line: Line) => {
  if ('rejected' in line) return `${line.id}: rejected, ${line.rejected}`
  const figure = (value: number | null) => (value === null ? '-' : value.toFixed(3))
  const rows = line.gains.map((gain) => [
    gain.passage_id,
    ...[gain.perplexity, gain.plain_perplexity, gain.infogain].map(figure),
    gain.answer ?? gain.unscored ?? '',
  ])
  return `${line.id}\n${table([['passage', 'perplexity', 'plain', 'infogain', 'answer'], ...rows])}`
}

interface Ears {
  /** Hears of a line that has no gains. */
  readonly refused: (sentence: string) => void
  readonly remark: (sentence: string) => void
}

/** In the order of the file, a few lines under way at once. */
async function* inOrder(
  path: string,
  flags: Flags,
  ahead: number,
  work: (request: GainRequest) => Promise<Line>,
  { refused, remark }: Ears,
) {
  const waiting: Promise<Line>[] = []
  for await (const { value } of readGainRequests(path, {
    onRefused: ({ message }) => refused(message),
    onIgnored: remark,
  })) {
    const { query } = value
    const named = query.dataset === '' ? { ...value, query: { ...query, dataset: flags.dataset ?? '' } } : value
    const line = work(named)
    line.catch(() => {}) // it may fail before its turn: whoever comes to it hears of it
    waiting.push(line)
    if (waiting.length >= ahead) yield waiting.shift()!
  }
  yield* waiting
}

const act = (io: Io) => async (path: string, flags: Flags) => {
  const config = configOf(io, flags, { 'label.alpha': flags.alpha, 'reader.model': flags.model })
  const { llama, closeAll } = models(config, io.screen, io.env)
  let lines = 0
  const bad: string[] = []
  const { hold, say } = remarks(io.screen)
  const remark = (sentence: string) => io.screen.write(`${sentence}\n`)
  // A single one is said at the end, in place of a count.
  const refused = (sentence: string) => {
    bad.push(sentence)
    if (bad.length === 2) remark(bad[0]!)
    if (bad.length > 1) remark(sentence)
  }
  try {
    const bar = progress('queries scored', io.screen)
    // The model is opened by the first line that needs it: a file that cannot be read costs no model.
    const work = async (request: GainRequest): Promise<Line> => {
      const { scorer } = await llama()
      return measured(scorer, request, config, io.signal).catch((error: unknown) => {
        if (!(error instanceof Rejected)) throw error
        refused(`${path}: ${error.message}`)
        return { id: request.query.id, rejected: error.message }
      })
    }
    for await (const line of inOrder(path, flags, config.reader.sequences, work, { refused, remark: hold })) {
      say()
      io.out(flags.json ? JSON.stringify(line) : asText(line))
      bar.update(++lines)
    }
    if (lines > 0) bar.end()
  } finally {
    await closeAll()
  }
  const others = lines > 0 ? '; the other lines are complete' : ''
  if (bad.length === 1) throw new Fatal(`${bad[0]}${others}`)
  if (bad.length > 1) throw new Fatal(`${bad.length} lines of ${path} have no gains${others}`)
}

export const gainCommand = (program: Command, io: Io) => {
  const command = program
    .command('gain <requests>')
    .description('measure lines {id, query, answers[], passages:[{id?, title?, text}]}: a line of gains each, in order')
    .option('--alpha <number>', 'weight of the contrast (setting label.alpha)', number)
    .option('--model <file>', 'a GGUF file or hub name (setting reader.model)')
    .option('--dataset <name>', 'for lines that name none: chooses the prompt (prompts.<dataset>)')
  withGlobals(command).action(act(io))
}
