import { basename, resolve } from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import { exportEncoder, type Exported } from '../../adapters/models/export.ts'
import { usage } from '../../adapters/models/presets.ts'
import { configOf, withGlobals, type Globals, type Io } from '../command.ts'
import { home } from '../config.ts'
import { progress } from '../progress.ts'

interface Flags extends Globals {
  readonly to?: string
  readonly preset?: string
  readonly precision: 'fp32' | 'int8'
}

const precision = (value: string): 'fp32' | 'int8' => {
  if (value === 'fp32' || value === 'int8') return value
  throw new InvalidArgumentError('It must be fp32 or int8.')
}

const said = ({ folder, settings, precision, parity, against }: Exported, to: string): string => {
  const { pooling, normalised, dimension, max_tokens, query_prefix } = settings
  const how = [
    `${dimension} numbers, ${pooling} pooling${normalised ? ', normalised' : ''}`,
    `at most ${max_tokens} tokens`,
    ...(query_prefix === '' ? [] : [`questions after ${JSON.stringify(query_prefix)}`]),
  ]
  return [
    `exported ${settings.model} in ${precision} to ${folder}: ${how.join(', ')}`,
    `beside ${against} on ${parity.texts} texts: largest difference ${parity.difference.toExponential(1)}, ` +
      `cosine ${parity.cosine.mean.toFixed(4)} (least ${parity.cosine.least.toFixed(4)})`,
    `use it with --set encoder.model=${to}`,
  ].join('\n')
}

const act = (io: Io) => async (source: string, flags: Flags) => {
  const { encoder } = configOf(io, flags, { 'encoder.preset': flags.preset })
  const { pooling, normalised, query_prefix, passage_prefix, max_tokens } = encoder
  const to = flags.to ?? `${basename(resolve(source))}-${flags.precision}`
  const bars = new Map<string, ReturnType<typeof progress>>()
  const exported = await exportEncoder({
    ...{ source, to, precision: flags.precision, home: home(io.env), signal: io.signal },
    usage: usage({ pooling, normalised, query_prefix, passage_prefix, max_tokens }, encoder.preset),
    onProgress: (what, done, total) => {
      const bar = bars.get(what) ?? progress(what, io.screen)
      bars.set(what, bar)
      bar.update(done, total)
    },
  })
  if (io.screen.tty) io.screen.write('\n')
  io.out(flags.json ? JSON.stringify(exported) : said(exported, to))
}

export const modelCommand = (program: Command, io: Io) => {
  const model = program.command('model').description('models of encoders')
  const command = model
    .command('export <folder-or-name>')
    .description('make an ONNX encoder of a model of Transformers, and prove that it computes the same')
    .option('--to <folder>', 'where to (default: <name>-<precision> in this folder)')
    .option('--preset <name>', 'how its family is used, where its files do not say it (setting encoder.preset)')
    .option('--precision <name>', 'fp32 as it was published, or int8: more than twice as fast', precision, 'fp32')
  withGlobals(command).action(act(io))
}
