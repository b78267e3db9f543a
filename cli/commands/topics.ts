import type { Command } from 'commander'
import type { Plan } from '../../adapters/kafka/plan.ts'
import { demanded } from '../../adapters/registry/subjects.ts'
import { Fatal } from '../../runtime/errors.ts'
import { configOf, inWorld, withGlobals, type Globals, type Io } from '../command.ts'
import { table } from '../report.ts'
import { applying, type SchemaPlan, type StreamPlan } from '../topics.ts'

interface Flags extends Globals {
  readonly execute?: boolean
}

type Action = Plan['action']
const signs: Record<Action, string> = { make: '+', change: '~', keep: '=', refuse: '!' }

const day = 86_400_000
const kept = ({ compact, retention }: Plan['spec']) =>
  compact ? 'newest record of each key' : retention === 'forever' ? 'kept for ever' : `kept ${retention / day} days`

/** `retention.ms 3600000 → -1` */
const topicText = (plan: Plan, done: boolean): string => {
  if (plan.action === 'refuse') return plan.why
  if (plan.action === 'keep') return 'as it should be'
  if (plan.action === 'make')
    return `${done ? 'made' : 'make'}: ${kept(plan.spec)}, values of up to ${Math.round(plan.spec.maxBytes / 1024)} KB`
  return `${done ? 'changed' : 'change'}: ${plan.changes.map(({ setting, from, to }) => `${setting} ${from || 'unset'} → ${to}`).join(', ')}`
}

const schemaText = (plan: SchemaPlan, done: boolean): string => {
  if (plan.action === 'refuse') return plan.why
  if (plan.action === 'keep') return `as it should be, with the id ${plan.id}`
  if (plan.action === 'make') return `${done ? 'registered' : 'register'}, at ${demanded}`
  return `${done ? 'changed' : 'change'}: ${plan.level ?? 'no level of its own'} → ${demanded}`
}

const told = ({ topics, schemas }: StreamPlan, done: boolean): string =>
  [
    table([
      ['', 'topic', 'partitions', ''],
      ...topics.map((plan) => [
        signs[plan.action],
        plan.spec.name,
        String(plan.spec.partitions),
        topicText(plan, done),
      ]),
    ]),
    table([['', 'schema', ''], ...schemas.map((plan) => [signs[plan.action], plan.subject, schemaText(plan, done)])]),
  ].join('\n\n')

const counted = ({ topics, schemas }: StreamPlan, ...actions: Action[]) =>
  [...topics, ...schemas].filter(({ action }) => actions.includes(action)).length

/** The last line: what comes next, or what was done. */
const summary = (plan: StreamPlan, executed: boolean): string => {
  const [made, changed, kept] = [counted(plan, 'make'), counted(plan, 'change'), counted(plan, 'keep')]
  if (made + changed === 0) return `all ${kept} are as they should be`
  if (executed) return `made ${made}, changed ${changed}; ${kept} were as they should be`
  return `planned only: gainstream topics apply --execute makes ${made} and changes ${changed}; ${kept} are as they should be`
}

const asJson = ({ topics, schemas }: StreamPlan, executed: boolean) =>
  JSON.stringify({
    executed,
    topics: topics.map(({ spec: { name, partitions }, ...plan }) => ({ topic: name, partitions, ...plan })),
    schemas: schemas.map(({ schema: _, ...plan }) => plan),
  })

const refusals = ({ topics, schemas }: StreamPlan) =>
  [...topics, ...schemas].flatMap((plan) => (plan.action === 'refuse' ? [plan.why] : []))

const act = (io: Io) => async (flags: Flags) => {
  const config = configOf(io, flags)
  if (config.engine === 'embedded') {
    if (flags.json) return io.out(asJson({ topics: [], schemas: [] }, false))
    return io.out('the embedded engine makes its topics and schemas by itself: there is nothing to apply')
  }
  await inWorld(config, io, async (world) => {
    const stream = await applying(world, config)
    try {
      const plan = await stream.plan()
      const [refused, ...more] = refusals(plan)
      const execute = flags.execute === true && refused === undefined
      if (execute) await stream.carryOut(plan)
      io.out(flags.json ? asJson(plan, execute) : told(plan, execute))
      if (refused !== undefined) {
        throw new Fatal(`nothing was changed: ${refused}${more.length > 0 ? ` (and ${more.length} more)` : ''}`)
      }
      if (!flags.json) io.out(`\n${summary(plan, execute)}`)
    } finally {
      stream.close()
    }
  })
}

export const topicsCommand = (program: Command, io: Io) => {
  const command = program.command('topics').description('what a stream needs on Kafka and in the schema registry')
  const apply = command
    .command('apply')
    .description("compare the stream's topics and schemas with what is there, and say what would be done")
    .option('--execute', 'make what is missing and change what differs; nothing of others is touched')
  withGlobals(apply).action(act(io))
}
