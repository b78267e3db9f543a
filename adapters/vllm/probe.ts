/** Can this server do what it will be asked for? The mode that it runs in cannot be asked for: it is tried. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { Fatal, Rejected, sentence } from '../../runtime/errors.ts'
import type { Identity } from '../../schemas/identity.ts'
import { fewest } from './approximate.ts'
import { bytes, carried, carriersFor } from './carriers.ts'
import { Distrusted } from './failures.ts'
import type { Choice, CompletionRequest, Served, Server } from './server.ts'

/** How gains are measured, and so what a server must be able to do. */
export type Way = 'contrastive' | 'plain' | 'approximate'

const Description = z.object({
  protocol: z.int(),
  plugin: z.string(),
  runner: z.string(),
  vllm: z.string(),
  model: z.string(),
  revision: z.string(),
  dtype: z.string(),
  vocab: z.int().min(2),
})
type Description = z.infer<typeof Description>

/** What is known of a server that passed. */
export interface Capability {
  readonly served: Served
  readonly identity: Identity
  /** Tokens that a row has. */
  readonly vocabulary: number
}

const protocol = 1
const flags = '--logits-processors gain_logits:Contrast --logprobs-mode processed_logprobs'
const remedy = `start it with ${flags} (python/gain-logits), or measure with --measure plain`

/** A prompt of a few tokens that every vocabulary has. */
const prompt = [11, 12, 13, 14]
/** Answer tokens that are forced, beyond those that carry. */
const path = [21, 22]

const perStep = 100
/** Steps that a description takes at most. */
const describedIn = 12
const describing = (steps: number): CompletionRequest => ({
  prompts: [prompt],
  maxTokens: steps,
  ignoreEnd: true,
  wanted: carriersFor(perStep),
  extra: { gain_op: 'describe', gain_key: 'describe', gain_path: new Array<number>(steps).fill(0) },
})

const jsonOf = (choice: Choice): unknown => {
  const text = choice.steps.flatMap((step) => bytes(step, perStep) ?? [])
  try {
    return JSON.parse(Buffer.from(text).toString('utf8'))
  } catch {
    return undefined
  }
}

const described = async (server: Server, signal: AbortSignal): Promise<Description> => {
  const [choice] = (await server.complete(describing(describedIn), signal)).choices
  if (choice!.tokens.some((token) => token !== 0))
    throw new Fatal(`${server.name} runs without the plugin gain-logits: ${remedy}`)
  const found = Description.safeParse(jsonOf(choice!))
  if (!found.success) throw new Fatal(`${server.name} does not hand out what gain-logits computes: ${remedy}`)
  if (found.data.protocol !== protocol)
    throw new Fatal(
      `${server.name} runs gain-logits ${found.data.plugin}, which speaks another version (${found.data.protocol}) than this ` +
        `program (${protocol}): install the gain-logits that came with it`,
    )
  return found.data
}

const forced = (op: 'store' | 'use', key: string, more: Record<string, string | number[]> = {}): CompletionRequest => ({
  prompts: [prompt],
  maxTokens: path.length,
  ignoreEnd: true,
  wanted: carriersFor(2),
  extra: { gain_op: op, gain_key: key, gain_path: path, ...more },
})

/** Against itself nothing is gained; of an unknown row nothing is known; α = 0 takes nothing away. */
const checkPlugin = async (server: Server, vocabulary: number, signal: AbortSignal): Promise<void> => {
  const key = 'gainstream-probe'
  const read = async (request: CompletionRequest) => {
    const [choice] = (await server.complete(request, signal)).choices
    return path.map((token, step) => carried(choice!.steps[step], token, 2))
  }
  const wrong = (what: string) => new Fatal(`${server.name} fails the check of gain-logits (${what}): ${remedy}`)
  await server.complete({ ...forced('store', key), wanted: carriersFor(1) }, signal)
  const [itself, zero, unknown] = await Promise.all([
    read(forced('use', key, { gain_form: 'difference' })),
    read(forced('use', key, { gain_alphas: [0] })),
    read(forced('use', `${key}-${randomUUID()}`)),
  ])
  if (itself.some((row) => !row || !(Math.abs(row[1]! + Math.log(vocabulary)) < 0.01)))
    throw wrong('a prompt against itself should leave every token as likely as any other')
  if (zero.some((row) => !row || row[0] !== row[1])) throw wrong('α = 0 should give the plain figures')
  if (unknown.some((row) => row !== undefined)) throw wrong('a row that was never stored should be missing')
}

/** vLLM names it when it is asked for a token beyond it. */
const vocabularyOf = async (server: Server, signal: AbortSignal): Promise<number> => {
  const request = { prompts: [prompt], maxTokens: 1, wanted: [2 ** 31 - 1] }
  const words = await server.complete(request, signal).then(
    () => '',
    (error: unknown) => {
      if (error instanceof Rejected) return error.message
      throw error
    },
  )
  const [, size] = /ocabulary size: (\d+)/.exec(words) ?? []
  if (size === undefined)
    throw new Fatal(
      `${server.name} does not hand out log-probabilities of chosen tokens: a vLLM of 2026 is needed (0.32 is tested)`,
    )
  return Number(size)
}

const checkLikeliest = async (server: Server, signal: AbortSignal): Promise<void> => {
  const request = { prompts: [prompt], maxTokens: 1, likeliest: fewest }
  await server.complete(request, signal).catch((error: unknown) => {
    if (!(error instanceof Rejected)) throw error
    throw new Fatal(
      `${server.name} hands out too few of the likeliest tokens (${error.message}): start it with --max-logprobs ${fewest}`,
    )
  })
}

/** A model's name on a hub says more than the name that it is served under; a folder's path is nobody's business. */
const named = (served: string, model: string | undefined) =>
  model !== undefined && /^[\w.-]+\/[\w.-]+$/.test(model) ? model : served

const identityOf = ({ model, version }: Served, described?: Description): Identity => ({
  model: named(model, described?.model),
  revision: described?.revision ?? '',
  dtype: described?.dtype ?? '',
  server: `vLLM ${described?.vllm ?? version}`,
  runner: described?.runner ?? '',
  plugin: described ? `gain-logits ${described.plugin}` : '',
  prompt: null,
})

const examine = async (server: Server, way: Way, signal: AbortSignal): Promise<Capability> => {
  const served = await server.served(signal)
  if (way === 'contrastive') {
    const description = await described(server, signal)
    await checkPlugin(server, description.vocab, signal)
    return { served, identity: identityOf(served, description), vocabulary: description.vocab }
  }
  const vocabulary = await vocabularyOf(server, signal)
  if (way === 'approximate') await checkLikeliest(server, signal)
  return { served, identity: identityOf(served), vocabulary }
}

/** @throws Fatal with the sentence that says what to change at the server; Unavailable while it is away. */
export const probe = async (server: Server, way: Way, signal: AbortSignal): Promise<Capability> => {
  try {
    return await examine(server, way, signal)
  } catch (error) {
    if (error instanceof Rejected || (error instanceof Distrusted && error.refused))
      throw new Fatal(`${sentence(error)}: is it vLLM, as vllm.urls says?`, { cause: error })
    throw error
  }
}
