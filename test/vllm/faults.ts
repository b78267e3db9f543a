/** What can be wrong with the simulated server; switched while it runs, by `POST /simulated` or at its start. */
import { tokenized } from './model.ts'

/** `all` completions, or those with a prompt in which this text, or these tokens, stand. */
export type Which = 'all' | { readonly containing: string | readonly number[] }

/** Of the next so many completions … */
export type Counted = 'cut' | 'malformed' | 'wrongTokens' | 'fewChoices'

export interface Faults {
  /** Answers 503 to everything, for so many milliseconds from now on. */
  unavailable: number
  /** Accepts completions and never answers them. */
  hang: Which | null
  /** Accepts any request at all and never answers it. */
  deaf: boolean
  /** Is deaf from such a completion on. */
  stun: Which | null
  /** Kills itself at such a completion, or ends by itself. */
  die: Which | null
  by: 'SIGKILL' | 'exit'
  /** … the connection ends in the middle of the answer. */
  cut: number
  /** … the answer is half of its JSON. */
  malformed: number
  /** … steps hold another token than the one that was forced. */
  wrongTokens: number
  /** … the last prompt has no choice. */
  fewChoices: number
  /** False: what is said to the plugin is passed over, as where there is none. */
  plugin: boolean
  /** Everything takes so many times as long. */
  slow: number
  /** With more prompts than this waiting: 503. */
  queue: number | null
  /** The plugin's rows are gone, once. */
  forget: boolean
}

const none: Faults = {
  unavailable: 0,
  hang: null,
  deaf: false,
  stun: null,
  die: null,
  by: 'SIGKILL',
  cut: 0,
  malformed: 0,
  wrongTokens: 0,
  fewChoices: 0,
  plugin: true,
  slow: 1,
  queue: null,
  forget: false,
}

const within = (prompt: readonly number[], needle: readonly number[]): boolean => {
  for (let at = prompt.indexOf(needle[0]!); at >= 0; at = prompt.indexOf(needle[0]!, at + 1))
    if (needle.every((token, i) => prompt[at + i] === token)) return true
  return false
}

const strikes = (which: Which | null, prompts: readonly (readonly number[])[]): boolean => {
  if (which === null || which === 'all') return which === 'all'
  const { containing } = which
  const needle = typeof containing === 'string' ? tokenized(containing) : containing
  return prompts.some((prompt) => within(prompt, needle))
}

export const faults = (first: Partial<Faults>, onForget: () => void) => {
  const state: Faults = { ...none }
  let refusing = 0
  const set = (changes: Partial<Faults>) => {
    const unknown = Object.keys(changes).filter((name) => !(name in none))
    if (unknown.length > 0) throw new RangeError(`no such fault: ${unknown.join(', ')}`)
    Object.assign(state, changes)
    if (changes.unavailable !== undefined) refusing = Date.now() + changes.unavailable
    if (changes.forget) onForget()
  }
  set(first)
  return {
    set,
    state: state as Readonly<Faults>,
    refuses: () => Date.now() < refusing,
    kills: (prompts: readonly (readonly number[])[]) => strikes(state.die, prompts),
    hangs(prompts: readonly (readonly number[])[]) {
      state.deaf ||= strikes(state.stun, prompts)
      return state.deaf || strikes(state.hang, prompts)
    },
    /** Is the next completion one of them? */
    next(name: Counted): boolean {
      if (state[name] <= 0) return false
      state[name]--
      return true
    },
  }
}
export type Switches = ReturnType<typeof faults>
