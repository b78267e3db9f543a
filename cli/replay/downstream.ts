/** Which stages run again when a topic is replayed, and which settings they heed. */
import { processors, stagesOfTopology, type Topology } from '../../processors/index.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { Topic } from '../../runtime/topic.ts'

const all = processors as readonly { name: string; from: Topic; to: readonly Topic[] }[]

/** Topics of queries that some stage reads. */
export const replayable = (): Topic[] =>
  [...new Set(all.map(({ from }) => from))].filter(({ keyedByRun }) => keyedByRun)

/** `<stream>/<topic>` as it is given. @throws Fatal for a topic that cannot be replayed */
export const parsed = (text: string): { stream: string; topic: Topic } => {
  const cut = text.lastIndexOf('/')
  const names = replayable().map(({ name }) => name)
  const topic = replayable().find(({ name }) => name === text.slice(cut + 1))
  if (cut < 1) throw new Fatal(`${text} names no topic of a stream: write <stream>/<topic>, e.g. main/candidates`)
  if (!topic) throw new Fatal(`${text} cannot be replayed: topics that a stage reads are ${names.join(', ')}`)
  return { stream: text.slice(0, cut), topic }
}

/** Names of the stages that read a topic. */
export const readersOf = (topic: Topic): string[] => all.filter(({ from }) => from === topic).map(({ name }) => name)

/** Names of the stages that read a topic or what comes of it, in their order. */
export const downstream = (topic: Topic): string[] => {
  const reached = new Set([topic])
  return all.flatMap(({ name, from, to }) => {
    if (!reached.has(from)) return []
    for (const each of to) reached.add(each)
    return [name]
  })
}

/** A run is replayed from a topic if its outcome comes of it. */
export const endsAfter = (topic: Topic, topology: Topology): boolean =>
  downstream(topic).includes(stagesOfTopology(topology).at(-1) ?? '')

/** The stages of these topologies that run again. */
export const stagesAgain = (topic: Topic, topologies: readonly Topology[]): string[] => {
  const wanted = new Set(topologies.flatMap(stagesOfTopology))
  return downstream(topic).filter((name) => wanted.has(name))
}

const reader = ['reader.', 'vllm.']
const reading = [...reader, 'prompts.']

/** Settings that change what a stage writes, by their names or how these begin. */
const heeds: Record<string, readonly string[]> = {
  imagine: ['imagine.on', 'imagine.tokens', 'imagine.prompt.', ...reader],
  retrieve: ['retrieve.', 'encoder.', 'imagine.not_available'],
  label: ['label.', ...reading],
  distil: ['distil.', 'label.passage_tokens', 'generate.answer_tokens', ...reading],
  select: ['select.'],
  generate: ['generate.', 'label.passage_tokens', ...reading],
  evaluate: [],
}

/** Names of the stages whose outputs a setting changes. */
export const heeding = (setting: string): string[] =>
  all
    .map(({ name }) => name)
    .filter((name) => heeds[name]?.some((own) => setting === own || (own.endsWith('.') && setting.startsWith(own))))

/** @throws Fatal for the first changed setting that no stage heeds which runs again */
export const checkHeeded = (settings: readonly string[], topic: Topic, stages: readonly string[]): void => {
  const idle = settings.find((setting) => !heeding(setting).some((name) => stages.includes(name)))
  if (idle === undefined) return
  const topics = new Set(
    heeding(idle).flatMap((name) => all.filter((each) => each.name === name).map(({ from }) => from.name)),
  )
  const instead =
    topics.size === 0 ? '' : `; it counts in ${heeding(idle).join(' and ')}: replay ${[...topics].join(' or ')} instead`
  throw new Fatal(`${idle} changes nothing that runs again after ${topic.name} (${stages.join(', ')})${instead}`)
}
