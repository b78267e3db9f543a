import { join } from 'node:path'
import type { Command } from 'commander'
import type { Standing } from '../../adapters/stack/index.ts'
import { bestBy, measureOf, nllBy } from '../../method/gain.ts'
import type { Gain, Gains } from '../../schemas/gains.ts'
import { gains } from '../../topics/index.ts'
import type { Config } from '../config.ts'
import { stagesOfTopology } from '../../processors/index.ts'
import {
  configOf,
  inWorld,
  measuring,
  withGlobals,
  withMeasuring,
  type Globals,
  type Io,
  type Measuring,
} from '../command.ts'
import { begin, finish, startOver } from '../demo.ts'
import { packageFile } from '../files.ts'
import { bring, passageFile, queryFile, survey } from '../import.ts'
import { indexCorpus } from '../indexing.ts'
import { duration } from '../progress.ts'
import { table } from '../report.ts'
import { runState } from '../runs.ts'
import { openStream } from '../streams.ts'
import { work } from '../work.ts'
import { weightsIn } from '../weights.ts'
import type { World } from '../world.ts'
import { conditionTable, underConditions } from './evaluate.ts'
import { synthesized } from './synthesize.ts'
import { brought, broughtVllm } from './up.ts'

interface Flags extends Globals, Measuring {
  readonly keep?: boolean
}

/** Small enough for two cores and a coffee; `--set` changes any of it. */
const defaults = {
  'retrieve.k': 6,
  'imagine.tokens': 80,
  'generate.answer_tokens': 16,
  'vllm.timeout': 600, // a server on the cores of a laptop, which others use, too
}

const preview = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text)

/** Of all queries the one whose best passage was retrieved furthest down: what gain sees and retrieval does not. */
const mostTelling = async ({ log, codec, names }: World): Promise<Gains | undefined> => {
  let best: { labelled: Gains; rank: number } | undefined
  for await (const { value } of log.read(names.topic(gains))) {
    if (value === null) continue
    const labelled = await codec.decode(gains, value)
    const winner = bestBy(measureOf(labelled), labelled.gains)
    const passage = labelled.passages.find(({ id }) => id === winner?.passage_id)
    const known = passage && labelled.query.gold_passage_ids.includes(passage.id)
    if (known && (best === undefined || passage.rank > best.rank)) best = { labelled, rank: passage.rank }
  }
  return best?.labelled
}

const shownPerplexity = (nll: number | null) => (nll === null ? '-' : Math.exp(nll).toPrecision(3))

const rankAgainstGain = (labelled: Gains): string => {
  const { query, passages, gains: measured } = labelled
  const nllOf = (gain: Gain) => nllBy(measureOf(labelled), gain)
  const order = measured.map((gain, i) => ({ gain, passage: passages[i]! }))
  const byGain = [...order].sort((a, b) => (nllOf(a.gain) ?? Infinity) - (nllOf(b.gain) ?? Infinity))
  const rows = order.map(({ gain, passage }) => [
    passage.source === 'generated' ? 'generated' : String(passage.rank),
    String(byGain.findIndex((each) => each.gain === gain) + 1),
    shownPerplexity(nllOf(gain)),
    gain.infogain === null ? '-' : gain.infogain.toFixed(2),
    preview(`${passage.title === '' ? '' : `${passage.title}: `}${passage.text}`, 60),
  ])
  const head = ['retrieved', 'by gain', 'perplexity', 'infogain', 'passage']
  return `“${query.question}” (${query.answers[0]})\n${table([head, ...rows])}`
}

const summary = (result: ReturnType<typeof synthesized>): string =>
  [
    `${result.kept} of ${result.queries} queries gave a training sample`,
    ...result.reasons.map(({ reason, queries }) => `  ${queries} filtered: ${reason}`),
    ...(result.rejected > 0 ? [`  ${result.rejected} rejected`] : []),
  ].join('\n')

const loop = async (opened: World, io: Io) => {
  const world = await openStream(opened, io.signal)
  const corpus = {
    path: packageFile('demo/passages.jsonl'),
    kind: passageFile,
    run: 'corpus',
    topology: 'indexing',
  } as const
  const surveyed = await survey(corpus, io)
  await indexCorpus(world, io, { file: corpus, surveyed, what: 'indexing passages' })
  const asked = {
    path: packageFile('demo/queries.jsonl'),
    kind: queryFile(undefined),
    run: 'demo',
    topology: 'synthesis',
  } as const
  const entry = await bring(world, io, asked)
  const stages = stagesOfTopology('synthesis')
  await work(world, { stages, entry, what: 'measuring gains', untilEmpty: true }, io.signal)
  const result = synthesized(world, entry, await runState(world, entry))
  const selector = await weightsIn(packageFile('demo/selector'))
  const evaluated = await underConditions(world, entry, ['none', 'first', 'selected', 'gain'], io.signal, { selector })
  return { result, evaluated, telling: await mostTelling(world) }
}

const isChosen = (config: Config, ...settings: readonly string[]) => settings.some((name) => config.chosen?.has(name))

const tell = (io: Io, { name, address, found }: Standing) =>
  io.screen.write(`${name} at ${address} ${found ? 'already runs' : 'started'}\n`)

/** A broker and a registry of this machine, unless the configuration names others. */
const withLog = async (config: Config, io: Io): Promise<Config> => {
  if (config.engine === 'embedded' || isChosen(config, 'kafka.brokers')) return config
  const servers = await brought(config, io)
  for (const server of servers) tell(io, server)
  const at = (name: string) => servers.find((each) => each.name === name)!.address
  const { kafka, registry } = config
  return { ...config, kafka: { ...kafka, brokers: [at('broker')] }, registry: { ...registry, url: at('registry') } }
}

/** A vLLM server of this machine, unless the configuration names others. */
const withReader = async (config: Config, io: Io): Promise<Config> => {
  if (config.reader.engine === 'embedded' || isChosen(config, 'vllm.urls', 'vllm.file')) return config
  const server = await broughtVllm(config, io)
  tell(io, server)
  return { ...config, vllm: { ...config.vllm, urls: [server.address], tokenizer: server.model } }
}

const withServers = async (config: Config, io: Io): Promise<Config> => withReader(await withLog(config, io), io)

const files = ({ data, engine }: Config): string[] => [
  ...(engine === 'embedded' ? [`${join(data, 'log.sqlite')} (every record)`] : []),
  `${join(data, 'passages')} (passages and vectors)`,
  `${join(data, 'scores.sqlite')} (score cache)`,
]

/** What the commands that follow must be told to find this demo. */
const found = ({ data, engine, prefix, kafka, registry, reader, vllm }: Config): string => {
  const log = `--engine kafka --prefix ${prefix} --set kafka.brokers=${kafka.brokers.join(',')} --set registry.url=${registry.url}`
  const servers = vllm.file === null ? `vllm.urls=${vllm.urls.join(',')}` : `vllm.file=${vllm.file}`
  return [
    `--data ${data}`,
    ...(engine === 'kafka' ? [log] : []),
    ...(reader.engine === 'vllm' ? [`--reader vllm --set ${servers}`] : []),
  ].join(' ')
}

const nextSteps = (config: Config) =>
  [
    `Files: ${files(config).join(', ')}`,
    'Next:',
    `  npx gainstream ask "Who designed the present Tay railway bridge?" ${found(config)} --stream demo-first`,
    `  npx gainstream runs ${found(config)}`,
    `  npx gainstream export samples ${found(config)} --stream demo --format flagembedding --out samples.jsonl`,
    ...(config.engine === 'kafka' || config.reader.engine === 'vllm'
      ? [`  npx gainstream down --data ${config.data}`]
      : []),
    '  npx gainstream index your-corpus.jsonl && npx gainstream synthesize your-queries.jsonl',
  ].join('\n')

const show = (io: Io, { result, evaluated, telling }: Awaited<ReturnType<typeof loop>>) => {
  io.out('')
  if (telling) io.out(`${rankAgainstGain(telling)}\n`)
  io.out(`${summary(result)}\n`)
  io.out(
    `${conditionTable(evaluated)}\n(×100, with 95 % bootstrap intervals; the last row knows the golds: an upper bound)\n`,
  )
}

const act = (io: Io) => async (flags: Flags) => {
  const started = Date.now()
  // Never where a configuration keeps real data: folder, stream and prefix are the demo's own unless a flag says otherwise.
  const { data = '.gainstream/demo', stream = 'demo', prefix = 'gainstream-demo' } = flags
  const chosen = configOf(io, { ...flags, data, stream, prefix }, measuring(flags), defaults)
  const over = begin(chosen.data, flags.keep ?? false)
  const config = await withServers(chosen, io)
  const run = async (world: World) => {
    if (over) await startOver(world)
    const looped = await loop(world, io)
    finish(config)
    const { result, evaluated, telling } = looped
    if (flags.json) return io.out(JSON.stringify({ ...result, conditions: evaluated, telling }))
    show(io, looped)
    io.out(nextSteps(config))
    io.screen.write(`done in ${duration((Date.now() - started) / 1000)}\n`)
  }
  await inWorld(config, io, run, { create: true })
}

export const demoCommand = (program: Command, io: Io) => {
  const command = program
    .command('demo')
    .description(
      'the whole loop on real passages and queries that come with the package; no server is needed, and what --engine ' +
        'kafka (a broker and a registry) and --reader vllm need is brought up on this machine',
    )
    .option('--keep', 'show a finished demo again instead of starting over')
  withGlobals(withMeasuring(command)).action(act(io))
}
