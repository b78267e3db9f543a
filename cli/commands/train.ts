import { basename } from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { Fatal } from '../../runtime/errors.ts'
import type { Query } from '../../schemas/query.ts'
import { configOf, inStream, number, withGlobals, type Globals, type Io } from '../command.ts'
import { home } from '../config.ts'
import { slowly } from '../progress.ts'
import { queriesOf } from '../recall.ts'
import { trainCrossEncoder, trainerOptions } from '../training/cross.ts'
import { trainLight } from '../training/light.ts'
import { gather, type Material, type MaterialOptions } from '../training/material.ts'
import { checkOverlap, overlapOf, type Overlap } from '../training/overlap.ts'
import { crossText, lightText, materialText } from '../training/report.ts'
import { samplesOfFiles, samplesOfStream } from '../training/samples.ts'

interface Flags extends Globals {
  readonly light?: boolean
  readonly out: string
  readonly name?: string
  readonly run: readonly string[]
  readonly samples?: readonly string[]
  readonly filtered?: boolean
  readonly measure?: string
  readonly temperature: number
  readonly l2: number
  readonly seed: number
  readonly dev: number
  readonly evaluation?: readonly string[]
  readonly allowOverlap?: boolean
  readonly base?: string
  readonly option: readonly string[]
  readonly anew?: boolean
  readonly int8: boolean
}

const collect = (value: string, before: readonly string[]) => [...before, value]

const above = (value: string): number => {
  const read = number(value)
  if (!(read > 0)) throw new InvalidArgumentError('It must be a number above 0.')
  return read
}

const whole = (value: string): number => {
  const read = number(value)
  if (!Number.isInteger(read) || read < 0) throw new InvalidArgumentError('It must be a whole number, 0 or more.')
  return read
}

const share = (value: string): number => {
  const read = number(value)
  if (!(read >= 0 && read < 1)) throw new InvalidArgumentError('It must be a share from 0 to below 1, such as 0.1.')
  return read
}

/** Looked at before a training, not after it; what a form in 8 bits adds has room. */
const nameOf = (value: string): string => {
  if (!/^[^\p{Cc}]{1,190}$/u.test(value))
    throw new InvalidArgumentError('It must be a text of 1 to 190 characters that can be printed.')
  return value
}

const evaluationOf = async ({ evaluation = [] }: Flags, { signal }: Io): Promise<Query[]> =>
  evaluation.length === 0 ? [] : queriesOf(evaluation, { dataset: undefined, signal, onIgnored: () => {} })

const gathered = async (flags: Flags, io: Io): Promise<Material> => {
  const { samples, run, filtered = false, measure, seed, dev } = flags
  const bar = slowly('samples read', io.screen)
  const options = { filtered, measure, seed, dev, onProgress: (done: number) => bar.update(done) }
  const of = (read: Parameters<typeof gather>[0], origin: MaterialOptions['origin']) =>
    gather(read, { ...options, origin })
  if (samples !== undefined) return of(samplesOfFiles(samples), samples.map((file) => basename(file)).join(','))
  return inStream(configOf(io, flags), io, (world) =>
    of(samplesOfStream(world, run), `${world.names.prefix}.${world.names.stream}`),
  )
}

const refused = ({ light = false, base, option, anew, samples, run }: Flags): string | undefined => {
  if (light && (base !== undefined || option.length > 0 || anew))
    return '--base, --option and --anew are for a cross-encoder: leave out --light'
  if (samples !== undefined && run.length > 0)
    return '--run chooses among the samples of a stream, --samples names files: one of the two'
  return undefined
}

const act =
  (io: Io) =>
  async (flags: Flags): Promise<void> => {
    const wrong = refused(flags)
    if (wrong !== undefined) throw new Fatal(wrong)
    const { light, out, temperature, l2, seed, json, base, int8, anew = false } = flags
    const options = trainerOptions(flags.option)
    const name = flags.name ?? basename(out)
    const evaluation = await evaluationOf(flags, io)
    const material = await gathered(flags, io)
    const overlap: Overlap | null = evaluation.length > 0 ? overlapOf(evaluation, [...material.train, ...material.dev]) : null // prettier-ignore
    io.screen.write(`${materialText(material, overlap)}\n`)
    if (overlap) checkOverlap(overlap, flags.allowOverlap === true)
    if (light) {
      const report = await trainLight(material, { out, name, temperature, l2 })
      io.out(json ? JSON.stringify({ ...report, left_out: material.leftOut, overlap }) : lightText(report))
      return
    }
    const training = { out, name, base, seed, options, anew, int8, temperature, l2, home: home(io.env) }
    const trained = await trainCrossEncoder(material, { ...training, screen: io.screen, signal: io.signal })
    io.out(json ? JSON.stringify({ ...trained, left_out: material.leftOut, overlap }) : crossText(trained))
  }

export const trainCommand = (program: Command, io: Io) => {
  const command = program
    .command('train')
    .description('fit a selector to the gains of a stream: a cross-encoder, or weights of features with --light')
    .requiredOption('-o, --out <folder>', "the selector's folder, to be made")
    .option('--light', 'weights of features of the candidates: in this process, in seconds')
    .option('--name <name>', "the selector's name (default: that of its folder)", nameOf)
    .option('--run <name>', 'only samples of this run; may be repeated', collect, [])
    .option('--samples <files...>', 'samples from files of gainstream export samples, instead of a stream')
    .option('--filtered', 'learn from queries too that the answerable filter dropped')
    .addOption(new Option('--measure <name>', 'only gains of this measure').choices(['contrastive', 'plain']))
    .option('--temperature <t>', "the teacher's softmax is over score / t", above, 1)
    .option('--l2 <x>', 'how strongly weights of features are held small', above, 0.01)
    .option('--seed <n>', 'which queries are set aside, and what else is drawn', whole, 1)
    .option('--dev <share>', 'of the queries, set aside by gold passage to see what was learned', share, 0.1)
    .option('--evaluation <files...>', 'queries that are to be evaluated later: those in common are counted')
    .option('--allow-overlap', 'go on with more than 1 % of them in common')
    .option('--base <model>', 'of a cross-encoder: folder or hub name of the model it starts from')
    .option('--option <name=value>', 'of a cross-encoder, e.g. epochs=1; may be repeated', collect, [])
    .option('--anew', 'do not go on with a training that was begun for this folder')
    .option('--no-int8', 'of a cross-encoder: no second folder with weights of 8 bits')
  withGlobals(command).action(act(io))
}
