/** kill -9 of `synthesize` at random moments, resumed each time with the same command. */
import { storm, type Blow } from './blows.ts'
import { reworkOf, type Rework } from './computed.ts'
import { figures, forgetScores, judge, progressOf, type Stage } from './synthesis.ts'

export interface Killing {
  readonly kills: number
  readonly seed: number
  /** False: the score cache is deleted after each kill, so that only the log remembers. */
  readonly cache: boolean
  say?(this: void, line: string): void
}

export interface Killed extends Rework, ReturnType<typeof figures> {
  readonly kills: number
  readonly trials: number
  /** Of all attempts, against that of as many undisturbed runs. */
  readonly seconds: number
  readonly undisturbed_seconds: number
}

export const killSynthesize = async (stage: Stage, { kills, seed, cache, say }: Killing): Promise<Killed> => {
  const kind = cache ? 'with' : 'without'
  const onKill = async ({ number, trial, seconds }: Blow, folder: string) => {
    if (!cache) forgetScores(folder)
    say?.(`kill ${number} (trial ${trial}) after ${seconds.toFixed(2)} s: ${await progressOf(folder)}`)
  }
  const trials = await storm({
    ...{ kills, seed, within: stage.seconds * 400, onKill },
    fresh: (trial) => stage.fresh(`killed-${kind}-${trial}`),
    start: (folder) => stage.synthesize(folder),
  })
  const found = []
  for (const { folder } of trials) found.push(figures(await judge(stage, folder)))
  const reworks = trials.map(({ attempts }) => reworkOf(attempts))
  const total = (of: (rework: Rework) => number) => reworks.reduce((n, each) => n + of(each), 0)
  const seconds = trials.flatMap(({ attempts }) => attempts).reduce((n, attempt) => n + attempt.seconds, 0)
  return {
    ...{ kills, trials: trials.length, seconds, undisturbed_seconds: stage.seconds * trials.length },
    lost: found.reduce((n, { lost }) => n + lost, 0),
    doubled: found.reduce((n, { doubled }) => n + doubled, 0),
    different: found.flatMap(({ different }) => different),
    totals: found.flatMap(({ totals }) => totals),
    scores: total(({ scores }) => scores),
    scores_twice: total(({ scores_twice }) => scores_twice),
    gains_twice: total(({ gains_twice }) => gains_twice),
    begun_again: total(({ begun_again }) => begun_again),
    prompt_tokens: total(({ prompt_tokens }) => prompt_tokens),
  }
}
