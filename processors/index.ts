/** The topology: every processor, in the order in which records meet them. */
import { distil } from './distil.ts'
import { evaluate } from './evaluate.ts'
import { generate } from './generate.ts'
import { imagine } from './imagine.ts'
import { index } from './index-passages.ts'
import { label } from './label.ts'
import { retrieve } from './retrieve.ts'
import { select } from './select.ts'

export { distil, evaluate, generate, imagine, index, label, retrieve, select }

/** Lists of processors, each upstream of the next: a run is complete when the last one has its outcome. */
export const topologies = {
  indexing: [index],
  finding: [imagine, retrieve],
  /** Candidates that were found elsewhere: nothing is done with them but what their reader asks for. */
  offered: [],
  labelling: [label, distil],
  synthesis: [imagine, retrieve, label, distil],
  answering: [imagine, retrieve, select, generate, evaluate],
} as const
export type Topology = keyof typeof topologies

/** Every stage once. A stream may run any of them; those that two topologies share are one stage. */
export const processors = [index, imagine, retrieve, label, distil, select, generate, evaluate] as const

/** Names of a topology's stages, first to last. */
export const stagesOfTopology = (name: Topology): string[] => topologies[name].map((each) => each.name)

/** Stages that work on a run of this topology: candidates that were found may be labelled, too, to see what gain says. */
export const stagesFor = (name: Topology): string[] =>
  name === 'finding' || name === 'offered' ? [...stagesOfTopology(name), label.name] : stagesOfTopology(name)
