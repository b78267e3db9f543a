/** What a figure has to be read with: the machine, what else ran on it, and what a process has used. */
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'

const rounded = (n: number, digits = 2) => Math.round(n * 10 ** digits) / 10 ** digits

export const machine = () => ({
  processor: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryGB: Math.round(totalmem() / 2 ** 30),
  system: `${process.platform} ${release()}`,
  node: process.version,
  loadAverage: loadavg().map((load) => rounded(load)),
})

export const loadNow = () => rounded(loadavg()[0] ?? Number.NaN)

/** Linux counts in hundredths of a second for whoever asks from outside. */
const ticks = 100

/** Seconds of processor time, user and system, that a process and its threads have used. Linux only. */
export const cpuOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticks
}

/** Resident megabytes of a process. Linux only. */
export const rssOf = (pid: number): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024)

export const quantile = (values: readonly number[], q: number): number =>
  rounded(values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? Number.NaN, 1)

export { rounded }
