/** What would have to be done for topics to be as they should, and doing it. */
import type { TopicSpec } from '../../runtime/log.ts'
import { pause } from '../../runtime/wait.ts'
import { clientOf, settingsOf as optionsOf, type KafkaOptions } from './client.ts'
import { alterTopic, differences, settingsFor, settingsOf, type Difference } from './settings.ts'
import { factsOf, make, misshapen } from './topics.ts'

export type Plan = { readonly spec: TopicSpec } & (
  | { readonly action: 'make' | 'change'; readonly changes: readonly Difference[] }
  | { readonly action: 'keep' }
  /** It cannot be mended: why, as a sentence. */
  | { readonly action: 'refuse'; readonly why: string }
)

export interface Planner {
  /** Looks only. */
  plan(specs: readonly TopicSpec[]): Promise<Plan[]>
  /** Makes and changes what the plans say; settings that they do not name stay as they are. */
  carryOut(plans: readonly Plan[]): Promise<void>
  close(): void
}

/** @throws Unavailable and Fatal, each of its functions */
export const kafkaPlanner = (options: KafkaOptions): Planner => {
  const client = clientOf(optionsOf(options))
  const look = async (spec: TopicSpec) => ({
    spec,
    facts: await client.ask(`looking for ${spec.name}`, (cluster) => factsOf(cluster, spec.name)),
  })
  return {
    async plan(specs) {
      const looked = []
      for (const spec of specs) looked.push(await look(spec))
      const there = looked.filter(({ facts }) => facts).map(({ spec }) => spec)
      const settings = there.length > 0 ? await settingsOf(client, there) : new Map<string, never>()
      return looked.map(({ spec, facts }): Plan => {
        if (!facts) return { spec, action: 'make', changes: fresh(spec) }
        const why = misshapen(spec, facts)
        if (why) return { spec, action: 'refuse', why }
        const changes = differences(spec, settings.get(spec.name))
        return changes.length > 0 ? { spec, action: 'change', changes } : { spec, action: 'keep' }
      })
    },
    async carryOut(plans) {
      await make(
        client,
        plans.filter(({ action }) => action === 'make').map(({ spec }) => spec),
      )
      for (const plan of plans) {
        if (plan.action !== 'change') continue
        const { spec, changes } = plan
        await client.ask(`changing ${spec.name}`, async (cluster) =>
          alterTopic(await cluster.findControllerBroker(), spec.name, changes),
        )
        while (differences(spec, (await settingsOf(client, [spec])).get(spec.name)).length > 0) {
          client.closed.throwIfAborted()
          await pause(20, client.closed) // brokers hear of it a moment later
        }
      }
    },
    close: () => client.close(),
  }
}

const fresh = (spec: TopicSpec): Difference[] =>
  settingsFor(spec).map(({ name, value }) => ({ setting: name, from: '', to: value }))
