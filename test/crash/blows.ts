/** Kills a command at random moments and starts it again, until it has been killed often enough and has ended well. */
import { random } from '../../adapters/memory/random.ts'
import { pause } from '../../runtime/wait.ts'
import type { Ended, Running } from './tool.ts'

export interface Blow {
  readonly number: number
  /** Each trial begins in a fresh folder; a command that ended before its moment came begins another. */
  readonly trial: number
  readonly seconds: number
}

export interface Storm {
  readonly kills: number
  readonly seed: number
  /** Moments are drawn evenly from the first so many milliseconds of the command. */
  readonly within: number
  /** Moments are counted from here (default: the start of the process); rejects when the process ends before. */
  begun?(this: void, running: Running): Promise<unknown>
  /** A data folder for a trial. */
  fresh(trial: number): string
  start(folder: string): Running
  /** After each kill; the command is started again afterwards. */
  onKill?(blow: Blow, folder: string): Promise<void>
}

export interface Trial {
  readonly folder: string
  /** Every attempt, the killed ones first. */
  readonly attempts: readonly Ended[]
}

/** The longest that a timer can wait. */
const never = 2 ** 31 - 1

/** Killed at its moment, unless it ended before. */
const struck = async (running: Running, moment: number, { begun }: Storm): Promise<Ended> => {
  const over = new AbortController()
  const come = async () => {
    await begun?.(running).catch(() => {}) // it has ended
    await pause(moment, over.signal)
  }
  await Promise.race([running.ended, come()])
  over.abort()
  running.send('SIGKILL')
  return running.ended
}

/** Starts in the same folder until the command ends by itself. @throws Error when it fails */
const trial = async (storm: Storm, folder: string, moment: () => number, strike: (attempt: Ended) => Promise<void>) => {
  const attempts: Ended[] = []
  for (;;) {
    const running = storm.start(folder)
    const attempt = await struck(running, moment(), storm)
    attempts.push(attempt)
    if (attempt.code === 0) return { folder, attempts }
    if (attempt.signal !== 'SIGKILL') throw new Error(`ended with ${attempt.code ?? attempt.signal}: ${attempt.err}`)
    await strike(attempt)
  }
}

export const storm = async (options: Storm): Promise<Trial[]> => {
  const trials: Trial[] = []
  const moments = random(options.seed)
  let killed = 0
  const moment = () => (killed < options.kills ? moments.next() * options.within : never)
  while (killed < options.kills) {
    const folder = options.fresh(trials.length + 1)
    const strike = async ({ seconds }: Ended) => {
      const blow = { number: ++killed, trial: trials.length + 1, seconds }
      await options.onKill?.(blow, folder)
    }
    trials.push(await trial(options, folder, moment, strike))
  }
  return trials
}
