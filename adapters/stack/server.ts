/** One server as a process that outlives or dies with whoever started it: started, found again, waited for, stopped. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fatal, sentence } from '../../runtime/errors.ts'
import { pause } from '../../runtime/wait.ts'
import { checkPort } from './ports.ts'
import {
  isAlive,
  isGone,
  marking,
  markingAll,
  processesOf,
  readRecord,
  removeRecord,
  writeRecord,
  type Record as Recorded,
} from './record.ts'

export interface ServerSpec {
  /** `broker`: of its record. */
  readonly name: string
  /** In sentences, after `the` (default: its name). */
  readonly title?: string
  /** Its working folder: data, record and log. */
  readonly folder: string
  /** File in the folder that its output is added to. */
  readonly log: string
  readonly ports: Readonly<Record<string, number>>
  /** Java, or what `marked` knows to give its mark to, and what it is told. */
  readonly command: string
  readonly args: readonly string[]
  /** The first arguments, which carry the mark (default: as Java takes it). */
  readonly marked?: (mark: string) => readonly string[]
  /** Beside that of this process. */
  readonly env?: Readonly<Record<string, string>>
  /** What it is started with, as far as somebody may ask for something else; kept in its record. */
  readonly settings?: Readonly<Record<string, string>>
  /**
   * It has processes of its own: all are one group, and end when `GAINSTREAM_TIED` is 1 and standard input closes, which
   * is how it learns that a starter is gone that was killed.
   */
  readonly family?: boolean
  /** It goes on when its starter ends. */
  readonly detached: boolean
  /** Milliseconds that it may take to get ready (default 90,000), and to stop before it is killed (default 20,000). */
  readonly patience?: number
  readonly grace?: number
  /** What to change where one of the ports, given by its name, is taken. */
  readonly remedy?: (port: string) => string
  /** Told again and again while it is waited for. */
  readonly onWaiting?: ((seconds: number) => void) | undefined
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
  /** SIGKILL, SIGSTOP, SIGCONT, …: to all its processes, at once and without waiting. */
  kill(signal: NodeJS.Signals): void
  stop(): Promise<Ending>
  /** Stops it if it runs, and starts it on the same data and ports. */
  restart(): Promise<void>
}

/** A line that says what went wrong; Python's last one often says only that something did. */
const complains = (line: string) =>
  /ERROR|FATAL|Exception|\w+Error: /.test(line) && !/^\s+at |[Ss]ee root cause above/.test(line)

/** The last thing that a log complains of, with the line behind it where it says how many things are wrong. */
export const lastComplaint = (path: string): string => {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []
  const at = lines.findLastIndex(complains)
  const found = /validation errors? for/.test(lines[at] ?? '') ? lines[at + 1] : lines[at]
  return (found ?? lines.at(-1))?.trim().slice(0, 300) || 'it said nothing'
}

const send = (pids: readonly number[], signal: NodeJS.Signals): void => {
  for (const pid of pids)
    try {
      process.kill(pid, signal)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error // it is gone already
    }
}

/** Until nothing is left, however much of it is being started meanwhile. */
const killAll = async (record: Recorded): Promise<void> => {
  for (let left = processesOf(record); left.length > 0; left = processesOf(record)) {
    send(left, 'SIGKILL')
    await pause(20)
  }
}

/** What a server started has this long to see that the server is gone. */
const respite = 2_000

/**
 * Ends a server that a record names, and all that it started. Nothing is sent to a process that is not proven to be its.
 */
export const stopRecorded = async (folder: string, name: string, grace = 20_000): Promise<Ending> => {
  const record = readRecord(folder, name)
  const before = record ? processesOf(record) : []
  if (!record || before.length === 0) {
    removeRecord(folder, name)
    return 'absent'
  }
  const until = Date.now() + grace
  if (isAlive(record)) {
    send([record.pid], 'SIGTERM')
    while (Date.now() < until && isAlive(record)) await pause(50)
    if (!isAlive(record)) for (const end = Date.now() + respite; Date.now() < end && processesOf(record).length > 0;) await pause(50) // prettier-ignore
  }
  const ending = processesOf(record).length > 0 ? 'killed' : 'stopped'
  await killAll(record)
  removeRecord(folder, name)
  return ending
}

const another = () => 'choose another one'

const checkPorts = async ({ name, title = name, ports, remedy = another }: ServerSpec) => {
  for (const [which, port] of Object.entries(ports))
    await checkPort(port, which === name ? `the ${title}` : `the ${which} of the ${title}`, remedy(which))
}

const launch = async (spec: ServerSpec) => {
  const { folder, name, log, command, args, ports, detached, settings, family = false } = spec
  const mark = randomUUID()
  const output = openSync(join(folder, log), 'a')
  const tied = family && !detached
  const env = { ...process.env, ...spec.env, ...markingAll(mark), ...(tied && { GAINSTREAM_TIED: '1' }) }
  try {
    const stdio: ('ignore' | 'pipe' | number)[] = [tied ? 'pipe' : 'ignore', output, output]
    const marked = spec.marked?.(mark) ?? [marking(mark)]
    const child = spawn(command, [...marked, ...args], { cwd: folder, env, detached: detached || family, stdio })
    child.on('error', () => {}) // no pid then
    child.stdin?.on('error', () => {})
    if (child.pid === undefined) throw new Fatal(`${command} cannot be run`)
    const record = { pid: child.pid, mark, ports, ...(settings && { settings }) }
    writeRecord(folder, name, record)
    if (detached) child.unref()
    else endWithUs(child, record)
    await untilMarked(child, record)
  } finally {
    closeSync(output)
  }
}

/** A process that was just started bears no mark for a moment, and would be taken for one that is gone. */
const untilMarked = async (child: ReturnType<typeof spawn>, record: { pid: number; mark: string }) => {
  while (!isAlive(record) && child.exitCode === null && child.signalCode === null) await pause(5)
}

/** A server of a test must not be left behind by a test run that is broken off. */
const endWithUs = (child: ReturnType<typeof spawn>, record: Recorded) => {
  const end = () => send(processesOf(record), 'SIGKILL')
  process.once('exit', end)
  const ended = () => {
    process.off('exit', end)
    end() // what it started has had its time to see that it is gone
  }
  child.once('exit', () => void setTimeout(ended, respite).unref())
}

export const server = (spec: ServerSpec): Server => {
  const { name, title = name, folder, log, ports } = spec
  const recorded = () => readRecord(folder, name)
  const alive = () => {
    const record = recorded()
    return record && isAlive(record) ? record : undefined
  }
  /** What outlived a server that was killed, or that broke down. */
  const clearLeft = async () => {
    const record = recorded()
    if (record) await killAll(record)
  }
  const untilReady = async () => {
    const [patience, began] = [spec.patience ?? 90_000, Date.now()]
    let last: unknown
    for (const until = began + patience; Date.now() < until;) {
      spec.onWaiting?.(Math.round((Date.now() - began) / 1000))
      if (await isGone(recorded())) {
        await clearLeft()
        const complaint = lastComplaint(join(folder, log))
        throw new Fatal(`the ${title} ended while it started: ${complaint} (${join(folder, log)})`)
      }
      try {
        return await spec.probe()
      } catch (error) {
        last = error
      }
      await pause(100)
    }
    throw new Fatal(
      `the ${title} runs but was not ready within ${Math.round(patience / 1000)} s (${sentence(last)}); see ${join(folder, log)}`,
    )
  }
  const start = async () => {
    if (!alive()) {
      await clearLeft()
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
      const record = recorded()
      if (record) send(processesOf(record), signal)
    },
    async restart() {
      await stop()
      await start()
    },
  }
}
