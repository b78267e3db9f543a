/** What the Python trainer leaves beside the model: its figures, and pairs with the logits that were computed there. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const Gains = z.object({ gain: z.number(), first: z.number(), oracle: z.number(), hits: z.number(), flat: z.number() })

export const Summary = z.object({
  steps: z.int(),
  seconds: z.number(),
  rate: z.number(),
  memory: z.number(),
  loss: z.number(),
  entropy: z.number(),
  start: Gains.nullable(),
  evaluated: Gains.nullable(),
  max_tokens: z.int(),
  linear: z
    .object({
      features: z.array(z.string()),
      ...{ mean: z.array(z.number()), scale: z.array(z.number()), weights: z.array(z.number()) },
    })
    .nullable(),
  groups: z.int(),
  seed: z.int(),
  at: z.number(),
  precision: z.string(),
})
export type Summary = z.infer<typeof Summary>

const Passage = z.object({ title: z.string(), text: z.string() })
const Pairs = z.array(z.object({ query: z.string(), passages: z.array(Passage), logits: z.array(z.number()) }))
export type ReferencePairs = z.infer<typeof Pairs>

const json = async (folder: string, name: string): Promise<unknown> =>
  JSON.parse(await readFile(join(folder, name), 'utf8'))

export const readTrained = async (folder: string): Promise<{ summary: Summary; pairs: ReferencePairs }> => ({
  summary: Summary.parse(await json(folder, 'summary.json')),
  pairs: Pairs.parse(await json(folder, 'parity.json')),
})

/** What the material says of its origin; the rest of `trained` is known here. */
export const Origin = z.object({
  run: z.string().default(''),
  settings: z.string().default(''),
  prompts: z.array(z.string()).optional(),
  prompt: z.string().optional(),
  measure: z.string().default('contrastive'),
  alpha: z.number().default(0.5),
})

export const readOrigin = async (material: string): Promise<z.infer<typeof Origin>> => {
  const { trained } = z.looseObject({ trained: z.unknown() }).parse(await json(material, 'material.json'))
  return Origin.parse(trained ?? {})
}
