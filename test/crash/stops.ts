/** Two workers on one log, one of them asleep past its lease; and Ctrl-C, once and twice. */
import { random } from '../../adapters/memory/random.ts'
import { pause } from '../../runtime/wait.ts'
import { begunIn, computedIn, reworkOf } from './computed.ts'
import { figures, forgetScores, judge, lastWords, type Stage } from './synthesis.ts'
import { eventually, type Ended, type Running } from './tool.ts'

const minutes = 60_000

const begun = (running: Running) => new Set(begunIn(running.said()))
const computed = (running: Running) => new Set(computedIn(running.said()))
const underWay = (running: Running) => {
  const over = computed(running)
  return [...begun(running)].filter((question) => !over.has(question))
}

/**
 * One worker is stopped (SIGSTOP) with gains in its hands, until the other has computed some of these, and goes on then
 * with what it believes is still its own.
 */
export const sleepPastLease = async (stage: Stage, name: string) => {
  const folder = stage.fresh(name)
  const sleeper = stage.synthesize(folder)
  await eventually('gains in work', 2 * minutes, () => begun(sleeper).size || undefined, sleeper)
  const other = stage.synthesize(folder)
  await eventually('the first gains', 2 * minutes, () => computed(sleeper).size || undefined, sleeper)
  sleeper.send('SIGSTOP')
  const held = underWay(sleeper)
  const asleep = performance.now()
  const taken = () => held.filter((question) => computed(other).has(question)).length
  await eventually('the other takes over', 2 * minutes, () => taken() || undefined, other)
  const seconds = (performance.now() - asleep) / 1000
  sleeper.send('SIGCONT')
  const ends: Ended[] = await Promise.all([sleeper.ended, other.ended])
  const codes = ends.map(({ code, signal }) => code ?? signal)
  return {
    ...figures(await judge(stage, folder)),
    ...reworkOf(ends),
    codes,
    held: held.length,
    taken: taken(),
    seconds,
  }
}

/** Ctrl-C with gains in work, once the first are computed. */
const interrupted = async (stage: Stage, folder: string, moment: number) => {
  const running = stage.synthesize(folder)
  await eventually('the first gains', 2 * minutes, () => computed(running).size || undefined, running)
  await pause(moment)
  running.send('SIGINT')
  return running
}

/**
 * Ctrl-C; then the same command again, without the scores that it computed: what was finished must be in the log.
 */
export const interruptOnce = async (stage: Stage, name: string, seed: number) => {
  const folder = stage.fresh(name)
  const running = await interrupted(stage, folder, random(seed).next() * 1000)
  const asked = performance.now()
  const first = await running.ended
  const seconds = (performance.now() - asked) / 1000
  forgetScores(folder)
  const second = await stage.synthesize(folder).ended
  const found = { ...figures(await judge(stage, folder)), gains_twice: reworkOf([first, second]).gains_twice }
  return { ...found, codes: [first.code, second.code], out: first.out, words: lastWords(first), seconds }
}

/** Ctrl-C twice: the second ends the process at once, whatever is under way. */
export const interruptTwice = async (stage: Stage, name: string, seed: number) => {
  const folder = stage.fresh(name)
  const running = await interrupted(stage, folder, random(seed).next() * 1000)
  await eventually('the answer to the first', minutes, () => running.said().includes('once more') || undefined, running)
  running.send('SIGINT')
  const asked = performance.now()
  const first = await running.ended
  const seconds = (performance.now() - asked) / 1000
  const second = await stage.synthesize(folder).ended
  return { ...figures(await judge(stage, folder)), codes: [first.code, second.code], words: lastWords(first), seconds }
}
