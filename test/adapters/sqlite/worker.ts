/** A process of its own that uses the log as its parent says (`remote.ts`). */
import { openSqliteLog, type SqliteOptions } from '../../../adapters/sqlite/log.ts'
import type { Batch, Claim, Log, Membership, ReadOptions, Seat, TopicSpec } from '../../../runtime/log.ts'
import type { Answer, Call } from './remote.ts'

const tell = (answer: Answer) => process.send?.(answer)
const running = new Map<number, AbortController>()
const seats = new Map<number, Seat>()
const memberships = new Map<number, Membership>()
let claims = 0
let log: Log

const seat = (id: unknown) => seats.get(Number(id)) as Seat
const claim = (id: unknown) => seats.get(Number(id)) as Claim

const join = async (id: number, group: string, topic: string) => {
  const membership = await log.join({
    group,
    topic,
    onClaim(given) {
      const own = --claims // negative: sources are numbered by the parent
      seats.set(own, given)
      tell({ id, event: 'claim', value: { claim: own, topic, partition: given.partition } })
      given.lost.addEventListener('abort', () => tell({ id, event: 'lost', value: { claim: own } }))
    },
    onFailure: (error) => tell({ id, event: 'failure', error: { name: error.name, message: error.message } }),
  })
  memberships.set(id, membership)
}

const read = async (id: number, topic: string, options: ReadOptions) => {
  for await (const record of log.read(topic, options)) tell({ id, event: 'record', value: record })
}

const operations: Record<string, (signal: AbortSignal, id: number, ...args: never[]) => unknown> = {
  start: async (_s, _i, path: string, options: SqliteOptions) => void (log = await openSqliteLog(path, options)),
  apply: (_s, _i, specs: TopicSpec[]) => log.apply(specs),
  describe: (_s, _i, topic: string) => log.describe(topic),
  join: (_s, id, group: string, topic: string) => join(id, group, topic),
  leave: (_s, _i, join: number) => memberships.get(join)?.leave(),
  source: (_s, id, group: string, name: string) => void seats.set(id, log.source(group, name)),
  open: (signal, _i, of: number) => seat(of).open(signal),
  settle: (_s, _i, of: number, batch: Batch) => seat(of).settle(batch),
  shut: (_s, _i, of: number) => seat(of).close(),
  take: (signal, _i, of: number, from: number, max: { records: number; bytes: number }) =>
    claim(of).take(from, max, signal),
  settled: (_s, _i, group: string, topic: string) => log.settled(group, topic),
  read: (signal, id, topic: string, options: ReadOptions) => read(id, topic, { ...options, signal }),
  remove: (_s, _i, what: { topics: string[]; groups: string[] }) => log.remove(what),
  close: () => log.close(),
}

process.on('message', ({ id, operation, args }: Call) => {
  if (operation === 'abort') return running.get(id)?.abort()
  const control = new AbortController()
  running.set(id, control)
  Promise.resolve()
    .then(() => operations[operation]?.(control.signal, id, ...(args as never[])))
    .then(
      (value) => tell({ id, event: 'done', value }),
      ({ name, message }: Error) => tell({ id, event: 'failed', error: { name, message } }),
    )
    .finally(() => running.delete(id))
})
process.on('disconnect', () => process.exit())
