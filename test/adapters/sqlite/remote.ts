/** The log as another process has it: every call goes to a real child process, which can be stopped and killed. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { SqliteOptions } from '../../../adapters/sqlite/log.ts'
import { Fatal, Unavailable } from '../../../runtime/errors.ts'
import type { Claim, Join, Log, Outcome, ReadOptions, Seat, Stored } from '../../../runtime/log.ts'
import type { Process } from '../../conformance/subject.ts'
import { stopBetween } from './storage.ts'

export interface Call {
  id: number
  operation: string
  args: unknown[]
}
export interface Answer {
  id: number
  event: 'done' | 'failed' | 'claim' | 'lost' | 'failure' | 'record'
  value?: unknown
  error?: { name: string; message: string }
}

const revived = ({ name, message }: { name: string; message: string }) =>
  name === 'Fatal' ? new Fatal(message) : name === 'Unavailable' ? new Unavailable(message) : new Error(message)

type Heard = (answer: Answer) => void

const caller = (child: ReturnType<typeof fork>) => {
  const listening = new Map<number, Heard>()
  let calls = 0
  child.on('message', (answer: Answer) => listening.get(answer.id)?.(answer))
  const send = (call: Call) => void (child.connected && child.send(call))
  /** What a dead process was asked is never answered. */
  const start = (operation: string, args: unknown[], signal?: AbortSignal, hear: Heard = () => {}) => {
    const id = ++calls
    const done = new Promise<unknown>((resolve, reject) => {
      listening.set(id, (answer) => {
        if (answer.event === 'done') resolve(answer.value)
        else if (answer.event === 'failed') reject(revived(answer.error ?? { name: '', message: '' }))
        else hear(answer)
      })
      send({ id, operation, args })
    })
    signal?.addEventListener('abort', () => send({ id, operation: 'abort', args: [] }))
    if (signal?.aborted) send({ id, operation: 'abort', args: [] })
    return { id, done }
  }
  const call = async <T>(operation: string, args: unknown[], signal?: AbortSignal) =>
    (await start(operation, args, signal).done) as T
  return { start, call }
}
type Caller = ReturnType<typeof caller>

const seatOf = ({ call }: Caller, of: number): Seat => ({
  open: (signal) => call('open', [of], signal),
  settle: (batch) => call<Outcome>('settle', [of, batch]),
  close: () => call('shut', [of]),
})

const joinOver = async (to: Caller, request: Join) => {
  const { group, topic } = request
  const lost = new Map<number, AbortController>()
  const { id, done } = to.start('join', [group, topic], undefined, ({ event, value, error }) => {
    const given = value as { claim: number; partition: number }
    if (event === 'lost') lost.get(given.claim)?.abort()
    if (event === 'failure' && error) request.onFailure(revived(error))
    if (event !== 'claim') return
    const control = new AbortController()
    lost.set(given.claim, control)
    const take: Claim['take'] = (from, max, signal) => to.call('take', [given.claim, from, max], signal)
    request.onClaim({ ...seatOf(to, given.claim), topic, partition: given.partition, lost: control.signal, take })
  })
  await done
  return { leave: () => to.call<void>('leave', [id]) }
}

async function* readOver(to: Caller, topic: string, { signal, ...options }: ReadOptions = {}): AsyncIterable<Stored> {
  const queue: Stored[] = []
  let wake = () => {}
  let over = false
  const reading = to.start('read', [topic, options], signal, ({ value }) => {
    queue.push(value as Stored)
    wake()
  })
  const ended = reading.done.finally(() => {
    over = true
    wake()
  })
  ended.catch(() => {})
  while (!over || queue.length > 0) {
    const next = queue.shift()
    if (next) yield next
    else await new Promise<void>((resolve) => void (wake = resolve))
  }
  await ended
}

const logOver = (to: Caller): Log => ({
  name: 'sqlite in another process',
  apply: (specs) => to.call('apply', [specs]),
  describe: (topic) => to.call('describe', [topic]),
  join: (request) => joinOver(to, request),
  source: (group, name) => seatOf(to, to.start('source', [group, name]).id),
  settled: (group, topic) => to.call('settled', [group, topic]),
  read: (topic, options) => readOver(to, topic, options),
  remove: (what) => to.call('remove', [what]),
  close: () => to.call('close', []),
})

/** Starts a process on the log at `path`. */
export const processOn = async (path: string, options: SqliteOptions): Promise<Required<Process>> => {
  const child = fork(fileURLToPath(new URL('worker.ts', import.meta.url)), { serialization: 'advanced', execArgv: [] })
  const to = caller(child)
  await to.call('start', [path, options])
  return {
    log: logOver(to),
    async crash() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
    freeze: () => stopBetween(child, path),
    thaw: async () => void child.kill('SIGCONT'),
  }
}
