import type { Log } from '../../runtime/log.ts'

/** One process that uses the log. */
export interface Process {
  readonly log: Log
  /** kill -9: no goodbye, and no answer to what it had asked. Resolves when it cannot write any more. */
  crash(): Promise<void>
  /** SIGSTOP: the process stops, or goes on without noticing that its group took it for dead. Absent: not tried. */
  freeze?(): Promise<void>
  /** SIGCONT. */
  thaw?(): Promise<void>
}

/** Where a log keeps its records; every test gets one of its own, empty. */
export interface Storage {
  /** Opens the log once more, as another process does. */
  process(): Promise<Process>
  /** Deletes the records of a partition before a position, as retention would. Absent: those tests are skipped. */
  trim?(topic: string, partition: number, before: number): Promise<void>
  /** Uses up positions without records, as control markers and aborted transactions do. Absent: this log leaves no gaps. */
  skip?(topic: string, partition: number, positions: number): Promise<void>
  /** What the log saw its users do wrong by the port's contract. Absent: it does not look. */
  complaints?(): readonly string[]
  /** Closes what is still open and deletes everything. */
  drop(): Promise<void>
}

/** A log that is put to the test. */
export interface Subject {
  open(seed: number): Promise<Storage>
  /** Every test runs once per seed, some of them at once. Default: three. */
  seeds?: readonly number[]
  /** Milliseconds within which this log notices a crash and hands a partition on. Default: 15 000. */
  patience?: number
}

/** As much of a test runner as the suite needs: vitest's and node:test's own will do. */
export interface TestApi {
  describe: (name: string, body: () => void) => unknown
  test: (name: string, body: (context: { skip: (why: string) => unknown }) => Promise<void>) => unknown
}

/** What a case is handed. */
export interface Trial {
  readonly storage: Storage
  readonly seed: number
  readonly patience: number
  /** A process that is closed with the trial. */
  process: () => Promise<Process>
  log: () => Promise<Log>
  /** Numbers from the seed, at least 0 and below `limit`, whole. */
  draw: (limit: number) => number
}

export interface Case {
  /** Begins with the invariant that it holds. */
  readonly name: string
  /** What the storage must be able to do; without it the case is left out. */
  readonly needs?: readonly ('trim' | 'skip' | 'freeze')[]
  run(trial: Trial): Promise<void>
}
