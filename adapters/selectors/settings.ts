/** selector.json, field by field: what somebody else's program or hand wrote is believed only where it fits. */
import { isFeature } from '../../method/features.ts'
import type { CrossEncoder, Linear, SelectorSettings, Trained } from '../../method/selector.ts'
import { Fatal } from '../../runtime/errors.ts'

type Kind = readonly [must: string, holds: (value: unknown) => boolean]
type Fields = Readonly<Record<string, unknown>>

const isText = (value: unknown) => typeof value === 'string'
const isNumber = (value: unknown) => typeof value === 'number' && Number.isFinite(value)
const isWhole = (value: unknown) => Number.isInteger(value) && (value as number) >= 0
const listOf = (holds: (value: unknown) => boolean) => (value: unknown) => Array.isArray(value) && value.every(holds)

const text: Kind = ['must be a text', isText]
const name: Kind = ['must be a text of 1 to 200 characters', (v) => isText(v) && /^[^\p{Cc}]{1,200}$/u.test(v)]
const number: Kind = ['must be a number', isNumber]
const numbers: Kind = ['must be a list of numbers', listOf(isNumber)]
const texts: Kind = ['must be a list of texts', listOf(isText)]
const whole: Kind = ['must be a whole number, 0 or more', isWhole]
const orNull = ([must, holds]: Kind): Kind => [`${must}, or null`, (value) => value === null || holds(value)]

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isFile = ([file, hash]: [string, unknown]) =>
  /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(file) && file !== 'selector.json' && isText(hash) && /^[0-9a-f]{64}$/.test(hash) // prettier-ignore

const inputs = ['input_ids', 'attention_mask', 'token_type_ids']

const fields: Readonly<Record<keyof SelectorSettings, Kind>> = {
  format: ['must be 1: this version reads no other', (value) => value === 1],
  name,
  encoder: orNull(['must be a record', isFields]),
  linear: orNull(['must be a record', isFields]),
  min_score: orNull(number),
  sha256: [
    'must name files of the folder itself, each with its 64 hexadecimal digits',
    (value) => isFields(value) && Object.entries(value).every(isFile),
  ],
  trained: orNull(['must be a record', isFields]),
}

const encoderFields: Readonly<Record<keyof CrossEncoder, Kind>> = {
  max_tokens: ['must be a whole number from 8', (value) => isWhole(value) && (value as number) >= 8],
  pair: ['must hold the texts query and passage', (v) => isFields(v) && isText(v.query) && isText(v.passage)],
  inputs: [`must hold input_ids, and nothing but ${inputs.join(', ')}`, (value) =>
    listOf((one) => inputs.includes(one as string))(value) && (value as string[]).includes('input_ids')], // prettier-ignore
  output: name,
}

const unknownFeature = (value: unknown): string =>
  Array.isArray(value) ? String(value.find((one) => !isFeature(one)) ?? '') : ''

const linearFields: Readonly<Record<keyof Linear, Kind>> = {
  features: ['must be a list of features that this version knows, each once', (value) =>
    listOf(isFeature)(value) && new Set(value as string[]).size === (value as string[]).length], // prettier-ignore
  mean: numbers,
  scale: ['must be a list of numbers above 0', listOf((value) => isNumber(value) && (value as number) > 0)],
  weights: numbers,
}

const trainedFields: Readonly<Record<keyof Trained, Kind>> = {
  ...{ base: orNull(text), run: text, settings: text, prompts: texts, measure: text },
  ...{ alpha: number, groups: whole, seed: number, at: whole },
}

const check = (file: string, at: string, kinds: Readonly<Record<string, Kind>>, found: Fields) => {
  for (const [field, [must, holds]] of Object.entries(kinds)) {
    const guilty = field === 'features' ? unknownFeature(found[field]) : ''
    if (!holds(found[field])) throw new Fatal(`${file}: '${at}${field}' ${must}${guilty && ` (not '${guilty}')`}`)
  }
}

const checkLinear = (file: string, linear: Linear) => {
  check(file, 'linear.', linearFields, { ...linear })
  for (const list of ['mean', 'scale', 'weights'] as const)
    if (linear[list].length !== linear.features.length)
      throw new Fatal(
        `${file}: 'linear.${list}' has ${linear[list].length} numbers for ${linear.features.length} features`,
      )
}

const checkEncoder = (file: string, encoder: CrossEncoder, hashes: SelectorSettings['sha256']) => {
  check(file, 'encoder.', encoderFields, { ...encoder })
  for (const needed of ['model.onnx', 'tokenizer.json'])
    if (hashes[needed] === undefined)
      throw new Fatal(`${file}: 'sha256' must name ${needed}, which a cross-encoder needs`)
}

/** @throws Fatal that names the file, the field and what it must be */
export const checkedSettings = (file: string, value: unknown): SelectorSettings => {
  if (!isFields(value)) throw new Fatal(`${file} must hold one record`)
  check(file, '', fields, value)
  const settings = value as unknown as SelectorSettings
  const { encoder, linear, trained, sha256 } = settings
  if (encoder === null && linear === null)
    throw new Fatal(`${file}: one of 'encoder' and 'linear' must be there, or nothing would be scored`)
  if (encoder !== null) checkEncoder(file, encoder, sha256)
  if (linear !== null) checkLinear(file, linear)
  if (trained !== null) check(file, 'trained.', trainedFields, { ...trained })
  return settings
}
