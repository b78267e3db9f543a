/** What a server with all its processes has used. Linux only. */
import { readdirSync, readFileSync } from 'node:fs'
import { cpuOf } from '../kafka/machine.ts'

const parentOf = (pid: number): number | undefined => {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1])
  } catch {
    return undefined // it has just ended
  }
}

/** A process with its children and theirs. */
export const family = (pid: number): number[] => {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), parentOf(Number(name))] as const)
  const found = [pid]
  for (const each of found) found.push(...parents.filter(([, parent]) => parent === each).map(([child]) => child))
  return found
}

/** Seconds of processor time of a process and all below it. */
export const familyCpu = (pid: number): number => family(pid).reduce((sum, each) => sum + cpuOf(each), 0)
