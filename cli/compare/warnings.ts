/** What a reader of figures should know of those who chose, answered and labelled. */
import type { Trained } from '../../method/selector.ts'
import type { Identity } from '../../schemas/identity.ts'
import type { World } from '../world.ts'
import type { Outcomes } from './outcomes.ts'
import { labellerOf, trainedOf } from './provenance.ts'

/** A selector with weights, and what is known of its training. */
export interface Origin {
  readonly selector: string
  readonly sha256: string
  readonly trained: Trained | null
  /** Null where the run that it learned from is not in this log. */
  readonly labelled_by: Identity | null
}

export const originsOf = async (world: World, { stream, run, selectors }: Outcomes): Promise<Origin[]> => {
  const origins: Origin[] = []
  for (const identity of selectors) {
    const trained = await trainedOf(world, identity)
    const labeller = await labellerOf(world, { stream, run }, trained)
    const { name: selector, sha256 } = identity
    origins.push({ selector, sha256, trained: trained ?? null, labelled_by: labeller ?? null })
  }
  return origins
}

/** One weight file is one reader, wherever it is served and however it is prompted. */
export const sameReader = (a: Identity, b: Identity): boolean => a.model === b.model && a.revision === b.revision

const listed = (names: readonly (string | null)[]) => [...new Set(names)].map((name) => name ?? 'none').join(', ')

/** Of one run: is it judged as it was trained, and by somebody else? */
export const remarksOn = (name: string, { selectors, readers }: Outcomes, origins: readonly Origin[]): string[] => {
  const several = selectors.length > 1 ? [`${name}: several selectors chose: ${listed(selectors.map(({ name }) => name))}`] : [] // prettier-ignore
  const mixed = readers.length > 1 ? [`${name}: several readers or prompts answered (${readers.length})`] : []
  const prompted = origins.flatMap(({ selector, trained }) => {
    const others = readers.filter(({ prompt }) => prompt !== null && trained && !trained.prompts.includes(prompt))
    if (!trained || others.length === 0) return []
    const [own, theirs] = [listed(others.map(({ prompt }) => prompt)), listed(trained.prompts)]
    return [`${name}: answers were given under the prompt ${own}, and ${selector} was trained for ${theirs}`]
  })
  const circular = origins.flatMap(({ selector, labelled_by }) => {
    const same = labelled_by && readers.find((reader) => sameReader(reader, labelled_by))
    return same
      ? [`${name}: ${same.model} gave the answers and measured the gains behind ${selector}: let a second reader judge`]
      : []
  })
  return [...several, ...mixed, ...prompted, ...circular]
}

const alike = (a: readonly Identity[], b: readonly Identity[], of: (one: Identity) => string | null) =>
  new Set([...a, ...b].map(of)).size <= 1

/** Of two runs: a difference is that of the choice only where everything else is the same. */
export const remarksBetween = (a: Outcomes, b: Outcomes): string[] => {
  if (a.readers.length === 0 || b.readers.length === 0) {
    const none = [a, b].filter(({ readers }) => readers.length === 0).map(({ stream, run }) => `${stream}/${run}`)
    return [`${none.join(' and ')} chose passages without answering: only hit@1 and has-answer can be compared`]
  }
  const model = ({ model, revision }: Identity) => `${model} ${revision}`
  return [
    ...(alike(a.readers, b.readers, model)
      ? []
      : ['the answers come from two readers: a difference is theirs as much as that of the passages']),
    ...(alike(a.readers, b.readers, ({ prompt }) => prompt)
      ? []
      : ['the answers were given under two prompts: a difference is theirs as much as that of the passages']),
  ]
}
