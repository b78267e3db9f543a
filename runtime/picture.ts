import type { Processor } from './processor.ts'
import type { Topic } from './topic.ts'

/** What a picture needs to know of a processor. */
type Drawn = Pick<Processor, 'name'> & {
  readonly from: Pick<Topic, 'name'>
  readonly to: readonly Pick<Topic, 'name'>[]
}

/** The topology as a Mermaid flow chart: topics as cylinders, processors as boxes. */
export const mermaid = (processors: readonly Drawn[]): string => {
  const topic = (name: string) => `${name}[(${name})]`
  const arrows = processors.flatMap(({ name, from, to }) => [
    `  ${topic(from.name)} --> ${name}`,
    ...to.map((each) => `  ${name} --> ${topic(each.name)}`),
  ])
  return ['flowchart LR', ...arrows].join('\n')
}
