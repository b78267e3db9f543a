import type { Command } from 'commander'
import { readGainRequests, type GainRequest } from '../../adapters/files/index.ts'
import { Fatal } from '../../runtime/errors.ts'
import { unobserved } from '../../runtime/observe.ts'
import type { Config } from '../config.ts'
import {
  configOf,
  measuring,
  number,
  withGlobals,
  withMeasuring,
  type Globals,
  type Io,
  type Measuring,
} from '../command.ts'
import { loggerOf } from '../observing.ts'
import { asText, lineOf, type Line } from '../gainlines.ts'
import { progress, remarks } from '../progress.ts'
import { atOnce } from '../readers.ts'
import { models } from '../world.ts'

interface Flags extends Globals, Measuring {
  readonly alpha?: number
  readonly model?: string
  readonly dataset?: string
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

/** `--model` names what the reader of this configuration reads with: a file, or what servers serve. */
const settingsOf = (io: Io, flags: Flags): Config => {
  const own = { 'label.alpha': flags.alpha, ...measuring(flags) }
  const { engine } = configOf(io, flags, own).reader
  return configOf(io, flags, { ...own, [engine === 'vllm' ? 'vllm.model' : 'reader.model']: flags.model })
}

const act = (io: Io) => async (path: string, flags: Flags) => {
  const config = settingsOf(io, flags)
  const { reader, closeAll } = models(config, io.screen, io.env)
  const observe = { ...unobserved, logger: loggerOf(config, io.screen) }
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
    let opened: ReturnType<typeof reader> | undefined
    // The model is opened by the first line that needs it: a file that cannot be read costs no model.
    const work = async (request: GainRequest): Promise<Line> => {
      const line = await lineOf(
        request,
        await (opened ??= reader(observe, io.signal)),
        config,
        observe.logger,
        io.signal,
      )
      if ('rejected' in line) refused(`${path}: ${line.rejected}`)
      return line
    }
    for await (const line of inOrder(path, flags, atOnce(config), work, { refused, remark: hold })) {
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
    .option('--model <file>', 'a GGUF file or hub name (setting reader.model); with vLLM the served name (vllm.model)')
    .option('--dataset <name>', 'for lines that name none: chooses the prompt (prompts.<dataset>)')
  withGlobals(withMeasuring(command)).action(act(io))
}
