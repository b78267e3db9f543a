/** What the servers of a fleet must have in common, so that it does not matter which of them measures a query. */
import { Fatal } from '../../runtime/errors.ts'
import type { Capability } from './probe.ts'

export interface Agreement {
  /** The first server sets what the others must agree with. @throws Fatal that says what differs, and from whom */
  join(this: void, name: string, capability: Capability): void
  /** Of the first one. */
  what(this: void): Agreed
}

export interface Agreed extends Capability {
  /** Tokens of a prompt and its answer on every server. */
  readonly contextSize: number
}

/** @param contextSize as it was asked for; otherwise the first server's */
export const agreement = (contextSize?: number): Agreement => {
  let first: (Agreed & { name: string }) | undefined
  const check = (name: string, { identity, served, vocabulary }: Capability, with_: Agreed & { name: string }) => {
    const differs = (what: string, mine: unknown, theirs: unknown) =>
      new Fatal(
        `${name} and ${with_.name} differ in ${what} (${String(mine)} and ${String(theirs)}), and their figures would not ` +
          'compare: take one of them out of the list',
      )
    const other = with_.identity
    if (identity.model !== other.model) throw differs('model', identity.model, other.model)
    if (identity.revision !== other.revision) throw differs("the model's revision", identity.revision, other.revision)
    if (identity.dtype !== other.dtype) throw differs('dtype', identity.dtype, other.dtype)
    if (vocabulary !== with_.vocabulary) throw differs('vocabulary', vocabulary, with_.vocabulary)
    if (served.contextSize < with_.contextSize) throw tooSmall(name, served.contextSize, with_.contextSize)
  }
  const tooSmall = (name: string, has: number, wants: number) =>
    new Fatal(
      `the context of ${name} holds ${has} tokens, and ${wants} are wanted: start it with --max-model-len ${wants}, or set vllm.context`,
    )
  return {
    join(name, capability) {
      const { contextSize: has } = capability.served
      if (contextSize !== undefined && has < contextSize) throw tooSmall(name, has, contextSize)
      if (first) check(name, capability, first)
      else first = { ...capability, name, contextSize: contextSize ?? has }
    },
    what() {
      if (!first) throw new Error('no server has joined')
      return first
    },
  }
}
