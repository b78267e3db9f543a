/** `gainstream train` without --light: a cross-encoder, in a Python of its own. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  train,
  type TrainedSelector,
  type TrainerOptions,
  type TrainingProgress,
} from '../../adapters/trainer/index.ts'
import { featureNames } from '../../method/features.ts'
import { fitLight, type LightOptions } from '../../method/light.ts'
import { Fatal } from '../../runtime/errors.ts'
import { duration, progress, type Screen } from '../progress.ts'
import { writeMaterial, type Material } from './material.ts'

/** What `--option` may name. */
const numbers = [
  ...['group_size', 'groups', 'accumulation', 'epochs', 'learning_rate', 'weight_decay', 'warmup', 'max_tokens'],
  ...['evaluations', 'patience', 'save_steps', 'processes', 'threads'],
]
const flags = ['repeat', 'checkpointing', 'prior_frozen']
const words = new Map<string, readonly string[]>([
  ['precision', ['auto', 'fp32', 'bf16', 'fp16']],
  ['prior', ['none', 'material', 'zero']],
  ['head', ['auto', 'fresh']],
])
const names = [...numbers, ...flags, ...words.keys()]

const valueOf = (name: string, text: string): number | boolean | string => {
  const read = text.trim() === '' ? NaN : Number(text)
  if (numbers.includes(name) && read >= 0) return read
  if (flags.includes(name) && ['true', 'false'].includes(text)) return text === 'true'
  if (words.get(name)?.includes(text)) return text
  if (!names.includes(name)) throw new Fatal(`--option ${name} is unknown; there are ${names.join(', ')}`)
  const may = words.get(name)?.join(', ') ?? (flags.includes(name) ? 'true or false' : 'a number, 0 or more')
  throw new Fatal(`--option ${name}=${text}: it must be ${may}`)
}

/** `name=value` each. @throws Fatal that names the option and what it may be */
export const trainerOptions = (given: readonly string[]): Partial<TrainerOptions> =>
  Object.fromEntries(
    given.map((one) => {
      const cut = one.indexOf('=')
      if (cut < 1) throw new Fatal(`--option ${one}: write it as name=value`)
      return [one.slice(0, cut), valueOf(one.slice(0, cut), one.slice(cut + 1))]
    }),
  )

/** What the trainer says of its own flags, with ours. */
export const asGiven = (said: string): string =>
  said.replaceAll(/--(\w+)(?: (\w+))?/g, (whole, name: string, value?: string) => {
    if (name === 'overwrite') return whole.replace('--overwrite', '--anew')
    if (!names.includes(name)) return whole
    const given = value !== undefined && words.get(name)?.includes(value)
    return given ? `--option ${name}=${value}` : `--option ${name}=…${value === undefined ? '' : ` ${value}`}`
  })

const inOurWords = (error: unknown): never => {
  throw error instanceof Fatal ? new Fatal(asGiven(error.message), { cause: error }) : error
}

export interface CrossTraining extends LightOptions {
  readonly out: string
  readonly name: string
  readonly base: string | undefined
  readonly seed: number
  readonly options: Partial<TrainerOptions>
  readonly anew: boolean
  readonly int8: boolean
  readonly home: string
  readonly screen: Screen
  readonly signal: AbortSignal
}

const shown = (screen: Screen) => {
  const bars = new Map<string, ReturnType<typeof progress>>()
  const barOf = (what: string) => {
    const bar = bars.get(what) ?? progress(what, screen)
    bars.set(what, bar)
    return bar
  }
  return (said: TrainingProgress) => {
    if (said.kind === 'step') barOf(said.what).update(said.done, said.total)
    else if (said.kind === 'training')
      barOf('training').update(said.step, said.steps, `loss ${said.loss.toFixed(4)}, ${said.rate.toFixed(0)} pairs/s, ${duration(said.left)} left`) // prettier-ignore
    else if (said.kind === 'evaluation')
      screen.write(`step ${said.step}: expected gain ${said.gain.toFixed(4)}${said.best ? ', the best so far' : ''}\n`)
    else screen.write(`${said.words}\n`)
  }
}

/** The prior's weights begin at those of the light selector on the same groups. */
export const trainCrossEncoder = async (material: Material, training: CrossTraining): Promise<TrainedSelector> => {
  const { out, name, base, seed, options, anew, int8, home, screen, signal, temperature, l2 } = training
  const folder = `${out}.material`
  const light = { ...(temperature === undefined ? {} : { temperature }), ...(l2 === undefined ? {} : { l2 }) }
  await rm(join(folder, 'material.json'), { force: true })
  await writeMaterial(folder, material, fitLight(material.train, featureNames, light).linear)
  const own = { seed, ...(temperature === undefined ? {} : { temperature }), ...options }
  const asked = { material: folder, out, base, name, anew, int8, home, signal, options: own, onProgress: shown(screen) }
  return train(asked).catch(inOurWords)
}
