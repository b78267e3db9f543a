/** Topics and schemas of a stream as they should be, what is to be done for it, and doing it. */
import { kafkaPlanner, type Plan, type Planner } from '../adapters/kafka/plan.ts'
import { seatsSpec } from '../adapters/kafka/source.ts'
import { entered } from '../adapters/registry/index.ts'
import { demanded, subjects, type Subjects } from '../adapters/registry/subjects.ts'
import { specOf } from '../runtime/engine.ts'
import type { TopicSpec } from '../runtime/log.ts'
import type { Names } from '../runtime/topic.ts'
import { defineOnce } from '../schemas/names.ts'
import { conflict } from '../schemas/release.ts'
import { catalogue, passages } from '../topics/index.ts'
import { kafkaAccess, registryAccess } from './access.ts'
import type { Config } from './config.ts'
import { streamEntry } from './streams.ts'
import type { World } from './world.ts'

export type SchemaPlan = { readonly subject: string; readonly schema: object } & (
  | { readonly action: 'make' }
  /** Registered, but under a level at which something else could follow. */
  | { readonly action: 'change'; readonly id: number; readonly level: string | undefined }
  | { readonly action: 'keep'; readonly id: number }
  | { readonly action: 'refuse'; readonly why: string }
)

export interface StreamPlan {
  readonly topics: readonly Plan[]
  readonly schemas: readonly SchemaPlan[]
}

export interface Applying {
  /** Looks only. */
  plan(): Promise<StreamPlan>
  carryOut(plan: StreamPlan): Promise<void>
  close(): void
}

/** What belongs to a stream on Kafka: its topics, those of its prefix, and where its sources keep their positions. */
export const applying = async (world: World, config: Config): Promise<Applying> => {
  const all = subjects(await registryAccess(config))
  const topics = kafkaPlanner(await kafkaAccess(config))
  return {
    plan: async () => ({
      topics: await topics.plan(specsOf(world.names, await partitionsFor(world))),
      schemas: await schemaPlans(all, world.names),
    }),
    carryOut: (plan) => carriedOut(plan, topics, all),
    close: () => topics.close(),
  }
}

const specsOf = (names: Names, partitions: number): TopicSpec[] => [
  ...catalogue.map((topic) => specOf(names, topic, partitions)),
  seatsSpec(names.group('ingest')),
]

/** As many as somebody asked for; else as many as the stream has. */
const partitionsFor = async (world: World): Promise<number> => {
  const { config, log, names } = world
  if (config.chosen?.has('partitions')) return config.partitions
  const there = (await streamEntry(world))?.partitions
  return there ?? (await log.describe(names.topic(passages)))?.partitions.length ?? config.partitions
}

const schemaPlans = async (all: Subjects, names: Names): Promise<SchemaPlan[]> => {
  const plans: SchemaPlan[] = []
  for (const topic of catalogue) {
    if (!topic.schema) continue
    plans.push(await schemaPlan(all, `${names.topic(topic)}-value`, topic.name, defineOnce(topic.schema)))
  }
  return plans
}

const schemaPlan = async (all: Subjects, subject: string, topic: string, schema: object): Promise<SchemaPlan> => {
  const id = await all.id(subject, schema)
  if (id !== undefined) {
    const level = await all.level(subject)
    return level === demanded
      ? { subject, schema, action: 'keep', id }
      : { subject, schema, action: 'change', id, level }
  }
  const why = await objection(all, subject, topic, schema)
  return why === undefined ? { subject, schema, action: 'make' } : { subject, schema, action: 'refuse', why }
}

/** Why a schema may not follow what is registered; our own check says it in words, and the registry may know better. */
const objection = async (all: Subjects, subject: string, topic: string, schema: object) => {
  const versions = await all.versions(subject)
  if (versions.length === 0) return undefined
  const before = versions.map((each) => ({ ...each, file: `version ${each.version} of ${subject}` }))
  const wrong = conflict(topic, schema, before)
  if (wrong) return `${wrong}; take another prefix or stream, or delete the subject if nobody needs its records`
  if (await all.takes(subject, schema)) return undefined
  return `the schema registry at ${all.name} says that the schema of ${subject} does not fit its versions`
}

const carriedOut = async ({ topics, schemas }: StreamPlan, planner: Planner, all: Subjects) => {
  await planner.carryOut(topics)
  for (const { subject, schema, action } of schemas) {
    if (action === 'make') await entered(all, subject, schema)
    if (action === 'change') await all.demandAll(subject)
  }
}
