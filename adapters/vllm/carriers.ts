/**
 * The way in which figures leave a server whose sampler forces every token: as log-probabilities of tokens that were not
 * chosen (python/gain-logits says the same from the other side).
 */
import { Rejected } from '../../runtime/errors.ts'
import { Distrusted } from './failures.ts'
import type { Choice } from './server.ts'

/** Figures of one step at most; a request may name 128 tokens. */
export const maxFigures = 120
/** A figure leaves as itself less this, so that it takes nothing away from the forced token. */
const shift = 50
/** Lower ones leave as this. */
const floor = -4000
/** Leaves where the model gave no number. */
const noNumber = -4500
/** Stands for minus infinity in JSON: nothing was put on this carrier. */
const nothing = -9000

/** The tokens to ask for, so that `count` of them carry whatever token is forced. */
export const carriersFor = (count: number): number[] => Array.from({ length: count + 1 }, (_, id) => id)

const ids = (forced: number, count: number): number[] =>
  carriersFor(count)
    .filter((id) => id !== forced)
    .slice(0, count)

/** What stands on the first `count` carriers of a step; undefined when nothing does. */
export const carried = (
  step: ReadonlyMap<number, number> | undefined,
  forced: number,
  count: number,
): number[] | undefined => {
  const values = ids(forced, count).map((id) => step?.get(id) ?? -Infinity)
  return values.some((value) => value < nothing) ? undefined : values.map((value) => value + shift)
}

/**
 * Log-probabilities (nats, ≤ 0) of one step.
 * @returns undefined when the server did not have the row of the prompt without a passage
 * @throws Rejected when the model gave no number for this prompt; Distrusted for figures that no log-probability has
 */
export const figures = (
  choice: Choice,
  { step, forced, count, server }: { step: number; forced: number; count: number; server: string },
): number[] | undefined => {
  const values = carried(choice.steps[step], forced, count)
  if (values?.some((value) => Math.abs(value - noNumber) < 1))
    throw new Rejected(
      `the model on ${server} has no probabilities for this prompt (NaN): serve it in bfloat16 or float32`,
    )
  // Rounding to float32 may leave a probability of one a hair above zero.
  if (values?.some((value) => !(value <= 1e-3 && value >= floor - 1)))
    throw new Distrusted(
      `${server} answered figures that are no log-probabilities (${values.slice(0, 3).join(', ')})`,
      {
        endpoint: server,
      },
    )
  return values?.map((value) => Math.min(0, value))
}

/** Bytes that a step carries of a server's description of itself; shorter than `count` at its end. */
export const bytes = (step: ReadonlyMap<number, number> | undefined, count: number): number[] | undefined => {
  const values = carried(step, 0, count)?.map((value) => Math.round(-value))
  if (!values) return undefined
  const end = values.findIndex((value) => value === 300)
  const some = end < 0 ? values : values.slice(0, end)
  return some.every((value) => value >= 0 && value < 256) ? some : undefined
}
