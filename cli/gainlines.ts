/** Gains of the lines of a file, without a log: what `gainstream gain` measures and how it shows it. */
import type { GainRequest } from '../adapters/files/index.ts'
import { gainsOf } from '../method/gain.ts'
import { distinctGolds } from '../method/golds.ts'
import type { Scorer } from '../method/ports.ts'
import { promptHash } from '../method/prompt.ts'
import { tried } from '../runtime/attempts.ts'
import { Rejected, sentence, Unavailable } from '../runtime/errors.ts'
import type { Logger } from '../runtime/observe.ts'
import type { Try } from '../runtime/processor.ts'
import { minutes, seconds } from '../runtime/topic.ts'
import type { Gain } from '../schemas/gains.ts'
import type { Config } from './config.ts'
import type { GuardedReader } from './readers.ts'
import { table } from './report.ts'
import { promptFor } from './settings.ts'

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

/** Without the contrast no α is asked for. */
const alphasOf = ({ label: { alpha, measure } }: Config) => (measure === 'plain' ? [] : [alpha])

/** The gains of one line, or why it has none. */
const measured = async (
  scorer: Scorer,
  { query, passages }: GainRequest,
  config: Config,
  signal: AbortSignal,
  attempt: Try,
) => {
  const { alpha, measure, passage_tokens: passageTokens, max_golds: maxGolds, exact_golds: exact } = config.label
  const { golds, leftOut } = distinctGolds(query.answers, { lang: query.lang, exact, maxGolds })
  if (golds.length === 0) throw new Rejected(`query ${query.id} has no gold answer`)
  const template = promptFor(config)(query.dataset)
  const request = {
    question: query.question,
    answers: golds,
    passages,
    template,
    alphas: alphasOf(config),
    passageTokens,
  }
  const scores = await scorer.score(request, signal, attempt)
  return {
    id: query.id,
    measure,
    ...(measure === 'contrastive' && { alpha }),
    scorer: { ...(scores.identity ?? scorer.identity), prompt: promptHash(template), exact: scorer.exact },
    ...(leftOut > 0 && { golds_left_out: leftOut }),
    gains: gainsOf(scores, golds, passages, measure === 'plain' ? 'plain' : 0).map(shown),
  }
}

export type Line = Awaited<ReturnType<typeof measured>> | { id: string; rejected: string }

/** A server that is lost or away is waited for, as long as it takes, and somebody hears of it. */
const retry = { attempts: 1, from: seconds(0.5), to: seconds(30) }

/** The gains of a request, or why it has none. @throws what no other request could escape, either */
export const lineOf = async (
  request: GainRequest,
  { scorer, calls }: GuardedReader,
  config: Config,
  logger: Logger,
  signal: AbortSignal,
): Promise<Line> => {
  const { id } = request.query
  const step = (s: AbortSignal, attempt: Try) => measured(scorer, request, config, s, attempt)
  let last: unknown
  const again = (error: unknown) => {
    last = error
    if (error instanceof Unavailable) logger.warn({ query: id, error: sentence(error) }, 'tried again')
  }
  const result = await tried(step, { policy: { timeout: minutes(30), retry }, ...calls }, signal, again)
  if ('value' in result) return result.value
  const { kind, reason } = result.failure
  if (kind === 'failed') throw last instanceof Error ? last : new Error(reason)
  return { id, rejected: kind === 'rejected' ? reason : `query ${id}: ${reason}` }
}

export const asText = (line: Line) => {
  if ('rejected' in line) return `${line.id}: rejected, ${line.rejected}`
  const figure = (value: number | null) => (value === null ? '-' : value.toFixed(3))
  const both = line.measure === 'contrastive'
  const rows = line.gains.map((gain) => [
    gain.passage_id,
    ...[...(both ? [gain.perplexity] : []), gain.plain_perplexity, gain.infogain].map(figure),
    gain.answer ?? gain.unscored ?? '',
  ])
  const head = ['passage', ...(both ? ['perplexity', 'plain'] : ['plain perplexity']), 'infogain', 'answer']
  return `${line.id}\n${table([head, ...rows])}`
}
