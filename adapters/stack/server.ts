/** One server as a process that outlives or dies with whoever started it: started, found again, waited for, stopped. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fatal, sentence } from '../../runtime/errors.ts'
import { pause } from '../../runtime/wait.ts'
import { checkPort } from './ports.ts'
import { isAlive, marking, readRecord, removeRecord, writeRecord } from './record.ts'

export interface ServerSpec {
  /** `broker`: of its record, and in sentences. */
  readonly name: string
  /** Its working folder: data, record and log. */
  readonly folder: string
  /** File in the folder that its output is added to. */
  readonly log: string
  readonly ports: Readonly<Record<string, number>>
  /** Java, and what it is told. */
  readonly command: string
  readonly args: readonly string[]
  /** It goes on when its starter ends. */
  readonly detached: boolean
  /** Milliseconds that it may take to get ready (default 90,000), and to stop before it is killed (default 20,000). */
  readonly patience?: number
  readonly grace?: number
  /** What to change where one of the ports, given by its name, is taken. */
  readonly remedy?: (port: string) => string
  /** What must be done before each start. */
  prepare(): Promise<void>
  /** Asks it to do what it is for. @throws while it cannot */
  probe(): Promise<void>
}

/** How a stop went: it was not running; it ended by itself; it had to be killed. */
export type Ending = 'absent' | 'stopped' | 'killed'

export interface Server {
  readonly name: string
  readonly ports: Readonly<Record<string, number>>
  /** Undefined while it does not run. */
  readonly pid: number | undefined
  /** Starts it unless it runs, and waits until it is ready. @throws Fatal that names its log */
  start(): Promise<void>
  /** Is it doing what it is for? */
  isReady(): Promise<boolean>
  /** SIGKILL, SIGSTOP, SIGCONT, …: at once and without waiting. */
  kill(signal: NodeJS.Signals): void
  stop(): Promise<Ending>
  /** Stops it if it runs, and starts it on the same data and ports. */
  restart(): Promise<void>
}

/** The last thing that a log complains of. */
const lastComplaint = (path: string): string => {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []
  const found = lines.findLast((line) => /ERROR|FATAL|Exception/.test(line) && !/^\s+at /.test(line)) ?? lines.at(-1)
  return found?.trim().slice(0, 300) ?? 'it said nothing'
}

/** Ends a server that a record names. Nothing is sent to a process that is not proven to be it. */
export const stopRecorded = async (folder: string, name: string, grace = 20_000): Promise<Ending> => {
  const record = readRecord(folder, name)
  if (!record || !isAlive(record)) {
    removeRecord(folder, name)
    return 'absent'
  }
  process.kill(record.pid, 'SIGTERM')
  for (const until = Date.now() + grace; Date.now() < until && isAlive(record);) await pause(50)
  const ending = isAlive(record) ? 'killed' : 'stopped'
  if (ending === 'killed') process.kill(record.pid, 'SIGKILL')
  while (isAlive(record)) await pause(20)
  removeRecord(folder, name)
  return ending
}

const another = () => 'choose another one'

const checkPorts = async ({ name, ports, remedy = another }: ServerSpec) => {
  for (const [which, port] of Object.entries(ports))
    await checkPort(port, which === name ? `the ${name}` : `the ${which} of the ${name}`, remedy(which))
}

const launch = async ({ folder, name, log, command, args, ports, detached }: ServerSpec) => {
  const mark = randomUUID()
  const output = openSync(join(folder, log), 'a')
  try {
    const stdio: ('ignore' | number)[] = ['ignore', output, output]
    const child = spawn(command, [marking(mark), ...args], { cwd: folder, detached, stdio })
    child.on('error', () => {}) // no pid then
    if (child.pid === undefined) throw new Fatal(`${command} cannot be run`)
    writeRecord(folder, name, { pid: child.pid, mark, ports })
    if (detached) child.unref()
    else endWithUs(child)
    await untilMarked(child, { pid: child.pid, mark })
  } finally {
    closeSync(output)
  }
}

/** A process that was just started bears no mark for a moment, and would be taken for one that is gone. */
const untilMarked = async (child: ReturnType<typeof spawn>, record: { pid: number; mark: string }) => {
  while (!isAlive(record) && child.exitCode === null && child.signalCode === null) await pause(5)
}

/** A server of a test must not be left behind by a test run that is broken off. */
const endWithUs = (child: ReturnType<typeof spawn>) => {
  const end = () => void child.kill('SIGKILL')
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
}

export const server = (spec: ServerSpec): Server => {
  const { name, folder, log, ports } = spec
  const alive = () => {
    const record = readRecord(folder, name)
    return record && isAlive(record) ? record : undefined
  }
  const untilReady = async () => {
    const patience = spec.patience ?? 90_000
    let last: unknown
    for (const until = Date.now() + patience; Date.now() < until;) {
      if (!alive())
        throw new Fatal(
          `the ${name} ended while it started: ${lastComplaint(join(folder, log))} (${join(folder, log)})`,
        )
      try {
        return await spec.probe()
      } catch (error) {
        last = error
      }
      await pause(100)
    }
    throw new Fatal(
      `the ${name} runs but was not ready within ${Math.round(patience / 1000)} s (${sentence(last)}); see ${join(folder, log)}`,
    )
  }
  const start = async () => {
    if (!alive()) {
      await checkPorts(spec)
      mkdirSync(folder, { recursive: true })
      await spec.prepare()
      await launch(spec)
    }
    await untilReady()
  }
  const stop = () => stopRecorded(folder, name, spec.grace)
  return {
    name,
    ports,
    get pid() {
      return alive()?.pid
    },
    start,
    stop,
    isReady: async () =>
      alive() !== undefined &&
      spec.probe().then(
        () => true,
        () => false,
      ),
    kill(signal) {
      const record = alive()
      if (record) process.kill(record.pid, signal)
    },
    async restart() {
      await stop()
      await start()
    },
  }
}
