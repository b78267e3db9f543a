import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { bestBy } from '../../method/gain.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { Gains } from '../../schemas/gains.ts'
import { gains } from '../../topics/index.ts'
import type { Config } from '../config.ts'
import { stagesOfTopology } from '../../processors/index.ts'
import { configOf, inWorld, withGlobals, type Globals, type Io } from '../command.ts'
import { packageFile } from '../files.ts'
import { bring, passageFile, queryFile } from '../import.ts'
import { duration } from '../progress.ts'
import { table } from '../report.ts'
import { runState } from '../runs.ts'
import { openStream } from '../streams.ts'
import { work } from '../work.ts'
import type { World } from '../world.ts'
import { conditionTable, underConditions } from './evaluate.ts'
import { synthesized } from './synthesize.ts'

interface Flags extends Globals {
  readonly keep?: boolean
}

/** Small enough for two cores and a coffee; `--set` changes any of it. */
const defaults = {
  'retrieve.k': 6,
  'imagine.tokens': 80,
  'generate.answer_tokens': 16,
}

/** Says that a folder was made by the demo, so that the demo may empty it. */
const marker = 'gainstream-demo'
const own = ['log.sqlite', 'store.sqlite', 'scores.sqlite'].flatMap((file) => [file, `${file}-wal`, `${file}-shm`])

/**
 * A finished demo starts over; an interrupted one goes on. Only a folder that the demo made is touched, and only files
 * that it wrote.
 * @throws Fatal for a folder that holds something else.
 */
const begin = (data: string, keep: boolean) => {
  const state = join(data, marker)
  const made = existsSync(state)
  if (!made && own.some((file) => existsSync(join(data, file)))) {
    throw new Fatal(`${data} holds data that is not the demo's: name another folder with --data`)
  }
  if (made && !keep && readFileSync(state, 'utf8').startsWith('finished')) {
    for (const file of own) rmSync(join(data, file), { force: true })
  }
  mkdirSync(data, { recursive: true })
  if (!made || !keep) writeFileSync(state, 'under way\n')
}

const preview = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text)

/** Of all queries the one whose best passage was retrieved furthest down: what gain sees and retrieval does not. */
const mostTelling = async ({ log, codec, names }: World): Promise<Gains | undefined> => {
  let best: { labelled: Gains; rank: number } | undefined
  for await (const { value } of log.read(names.topic(gains))) {
    if (value === null) continue
    const labelled = await codec.decode(gains, value)
    const winner = bestBy('contrastive', labelled.gains)
    const passage = labelled.passages.find(({ id }) => id === winner?.passage_id)
    const known = passage && labelled.query.gold_passage_ids.includes(passage.id)
    if (known && (best === undefined || passage.rank > best.rank)) best = { labelled, rank: passage.rank }
  }
  return best?.labelled
}

const rankAgainstGain = ({ query, passages, gains: measured }: Gains): string => {
  const order = measured.map((gain, i) => ({ gain, passage: passages[i]! }))
  const byGain = [...order].sort((a, b) => (a.gain.mean_nll ?? Infinity) - (b.gain.mean_nll ?? Infinity))
  const rows = order.map(({ gain, passage }) => [
    passage.source === 'generated' ? 'generated' : String(passage.rank),
    String(byGain.findIndex((each) => each.gain === gain) + 1),
    gain.mean_nll === null ? '-' : Math.exp(gain.mean_nll).toPrecision(3),
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
  const indexing = await bring(world, io, corpus)
  await work(world, { stages: ['index'], entry: indexing, what: 'indexing passages', untilEmpty: true }, io.signal)
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
  const evaluated = await underConditions(world, entry, ['none', 'first', 'gain'], io.signal)
  return { result, evaluated, telling: await mostTelling(world) }
}

const nextSteps = ({ data }: Config) =>
  [
    `Files: ${join(data, 'log.sqlite')} (every record), ${join(data, 'store.sqlite')} (passages and vectors), ${join(data, 'scores.sqlite')} (score cache)`,
    'Next:',
    `  npx gainstream ask "Who designed the present Tay railway bridge?" --data ${data} --stream demo-first`,
    `  npx gainstream runs --data ${data}`,
    `  npx gainstream export samples --data ${data} --stream demo --format flagembedding --out samples.jsonl`,
    '  npx gainstream index your-corpus.jsonl && npx gainstream synthesize your-queries.jsonl',
  ].join('\n')

const act = (io: Io) => async (flags: Flags) => {
  const started = Date.now()
  // Never where a configuration keeps real data: folder and stream are the demo's own unless a flag says otherwise.
  const { data = '.gainstream/demo', stream = 'demo' } = flags
  const config = configOf(io, { ...flags, data, stream }, {}, defaults)
  begin(config.data, flags.keep ?? false)
  await inWorld(config, io, async (world) => {
    const { result, evaluated, telling } = await loop(world, io)
    writeFileSync(join(config.data, marker), 'finished\n')
    if (flags.json) return io.out(JSON.stringify({ ...result, conditions: evaluated, telling }))
    io.out('')
    if (telling) io.out(`${rankAgainstGain(telling)}\n`)
    io.out(`${summary(result)}\n`)
    io.out(
      `${conditionTable(evaluated)}\n(×100, with 95 % bootstrap intervals; the last row knows the golds: an upper bound)\n`,
    )
    io.out(nextSteps(config))
    io.screen.write(`done in ${duration((Date.now() - started) / 1000)}\n`)
  })
}

export const demoCommand = (program: Command, io: Io) => {
  const command = program
    .command('demo')
    .description('the whole loop on real passages and queries that come with the package, without any server')
    .option('--keep', 'show a finished demo again instead of starting over')
  withGlobals(command).action(act(io))
}
