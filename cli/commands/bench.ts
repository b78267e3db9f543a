import { cpus } from 'node:os'
import { InvalidArgumentError, type Command } from 'commander'
import { answering } from '../../method/prompt.ts'
import type { Identity } from '../../schemas/identity.ts'
import { vllmAccess } from '../access.ts'
import { benchLabel, type LabelFigures } from '../bench/label.ts'
import { connect } from '../bench/raw.ts'
import { configOf, number, positive, withGlobals, type Globals, type Io } from '../command.ts'
import type { Config } from '../config.ts'
import { harmless, table } from '../report.ts'

interface Flags extends Globals {
  readonly url: string
  readonly servedModel?: string
  readonly tokenizer?: string
  readonly minutes: number
  readonly passages: number
  readonly golds: number
  readonly queries: number
  readonly priceHour?: number
}

/** Of labels: what an hour gives, and what money buys. */
const yieldOf = ({ ours }: LabelFigures, { reader_hour: price, currency }: Config['price']) => {
  const hour = 3600 * ours.passagesPerSecond
  return { labelsPerHour: hour, ...(price !== null && price > 0 && { price, currency, labelsPerMoney: hour / price }) }
}

type Yield = ReturnType<typeof yieldOf>

const whole = (value: number) => Math.round(value).toLocaleString('en')

const shown = (identity: Identity, flags: Flags, figures: LabelFigures, gained: Yield): string => {
  const { tokensPerPrompt: tokens, ratio } = figures
  const row = (name: string, { atOnce, passagesPerSecond: speed, windows }: LabelFigures['ours']) => [
    ...[name, speed.toFixed(2), whole(speed * tokens), String(atOnce)],
    windows.map((window) => window.toFixed(2)).join(' '),
  ]
  const heads = ['', 'passages/s', 'prompt tokens/s', 'queries at once', 'each turn']
  const money = 'labelsPerMoney' in gained ? `, ${whole(gained.labelsPerMoney ?? 0)} per ${gained.currency} at ${gained.price} an hour` : '' // prettier-ignore
  return [
    `${flags.url}: ${harmless([identity.model, identity.dtype, identity.server, identity.plugin].filter(Boolean).join(', '))}`,
    `generated material: ${flags.passages} passages a query, ${flags.golds} ${flags.golds === 1 ? 'gold' : 'golds'}, ${whole(tokens)} tokens a prompt`,
    table([heads, row('ceiling', figures.ceiling), row('gainstream', figures.ours)]),
    `gainstream reaches ${ratio.toFixed(2)} of what the server can prefill: ${whole(gained.labelsPerHour)} labels an hour${money}`,
  ].join('\n')
}

const minutes = (value: string): number => {
  const read = number(value)
  if (read <= 0) throw new InvalidArgumentError('It must be more than 0.')
  return read
}

/** Seconds of a minute that are measured in: opening, and what is under way at the end, takes the others. */
const measuring = 57

const label = (io: Io) => async (flags: Flags) => {
  const { url, servedModel, tokenizer, priceHour, queries } = flags
  const given = { 'vllm.urls': url, 'vllm.model': servedModel, 'vllm.tokenizer': tokenizer }
  const config = configOf(io, flags, { 'reader.engine': 'vllm', 'price.reader_hour': priceHour, ...given })
  const { openVllm } = await import('../../adapters/vllm/index.ts')
  const access = await vllmAccess(config)
  const { signal } = io
  const model = config.vllm.model ?? undefined
  const raw = await connect({ url: config.vllm.urls[0] ?? url, model, apiKey: access.apiKey }, signal)
  const concurrency = { start: queries, max: queries }
  const opened = await openVllm({
    ...{ ...access, model, tokenizer: config.vllm.tokenizer ?? undefined, concurrency, signal },
    timeout: 600_000,
  })
  try {
    const { passages, golds } = flags
    const say = (sentence: string) => io.screen.write(`${sentence}\n`)
    const bench = { raw, scorer: opened.scorer, template: answering, passages, golds, atMost: queries, signal, say }
    const figures = await benchLabel({ ...bench, seconds: measuring * flags.minutes })
    const gained = yieldOf(figures, config.price)
    const { identity } = opened.scorer
    const about = { bench: 'label', url, material: 'generated', passages, golds, scorer: identity }
    const client = { processor: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version }
    if (flags.json) io.out(JSON.stringify({ ...about, client, ...figures, ...gained }))
    else io.out(shown(identity, flags, figures, gained))
  } finally {
    await opened.close()
  }
}

export const benchCommand = (program: Command, io: Io) => {
  const bench = program.command('bench').description('measure on hardware of your own')
  const command = bench
    .command('label')
    .description('labels a second on a vLLM server, beside what it can prefill at best; needs no data')
    .requiredOption('--url <url>', 'of the server, e.g. http://127.0.0.1:8000')
    .option('--minutes <number>', 'how long it measures', minutes, 5)
    .option('--passages <n>', 'a query', positive, 20)
    .option('--golds <n>', 'golds a query', positive, 1)
    .option('--queries <n>', 'queries at once, at most', positive, 64)
    .option('--served-model <name>', 'where the server has several (setting vllm.model)')
    .option('--tokenizer <file>', 'tokenizer.json of the model; without it the server tokenises')
    .option('--price-hour <number>', 'what an hour of the server costs (setting price.reader_hour)', number)
  withGlobals(command).action(label(io))
}
