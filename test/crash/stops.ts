/** Two workers on one log, one of them asleep past its lease; and Ctrl-C, once and twice. */
import { random } from '../../adapters/memory/random.ts'
import { pause } from '../../runtime/wait.ts'
import { begunIn, computedIn, reworkOf } from './computed.ts'
import { figures, forgetScores, judge, lastWords, type Stage } from './synthesis.ts'
import { eventually, type Ended, type Running } from './tool.ts'

const minutes = 60_000

const begun = (running: Running) => new Set(begunIn(running.said()))
const computed = (running: Running) => new Set(computedIn(running.said()))
/** Gains that one has in work and the other has never begun: none that only changed hands when the other joined. */
const heldBy = (running: Running, other: Running) => {
  const [over, theirs] = [computed(running), begun(other)]
  return [...begun(running)].filter((question) => !over.has(question) && !theirs.has(question))
}

/**
 * One worker is stopped (SIGSTOP) with gains in its hands, until the other has computed some of these, and goes on then
 * with what it believes is still its own.
 */
export const sleepPastLease = async (stage: Stage, name: string) => {
  const folder = stage.fresh(name)
  const sleeper = stage.synthesize(folder)
  const joined = (running: Running) => running.said().includes('labelling') || undefined
  await eventually('the first worker', 2 * minutes, () => joined(sleeper), sleeper)
  const other = stage.synthesize(folder)
  await eventually('the second worker', 2 * minutes, () => joined(other), sleeper, other)
  await eventually('gains in work', 2 * minutes, () => heldBy(sleeper, other).length || undefined, sleeper)
  sleeper.send('SIGSTOP')
  const stopped = performance.now()
  const held = heldBy(sleeper, other)
  const taken = () => held.filter((question) => computed(other).has(question)).length
  await eventually('the other takes over', 2 * minutes, () => taken() || undefined, other)
  const asleep = (performance.now() - stopped) / 1000
  sleeper.send('SIGCONT')
  const ends: Ended[] = await Promise.all([sleeper.ended, other.ended])
  const codes = ends.map(({ code, signal }) => code ?? signal)
  const found = { ...figures(await judge(stage, folder)), ...reworkOf(ends) }
  return { ...found, codes, held: held.length, taken: taken(), asleep }
}

/** Ctrl-C with gains in work, once the first are computed. */
const interrupted = async (stage: Stage, folder: string, moment: number) => {
  const running = stage.synthesize(folder)
  await eventually('the first gains', 2 * minutes, () => computed(running).size || undefined, running)
  await pause(moment)
  running.send('SIGINT')
  return running
}

/** Ctrl-C; then the same command again, without the scores that were computed: only the log remembers. */
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
