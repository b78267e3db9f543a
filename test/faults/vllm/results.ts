/** Figures in a file, fault by fault and by kind of server, so that a run that was broken off goes on where it was. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { isGood, type Found } from './fault.ts'

export const machine = () => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
  node: process.version,
})

interface Kept {
  machine: ReturnType<typeof machine>
  faults: Record<string, Found>
}

export const resultsIn = (path: string) => {
  const known = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Partial<Kept>) : {}
  const all: Kept = { ...known, machine: machine(), faults: known.faults ?? {} }
  const write = () => {
    writeFileSync(`${path}.part`, `${JSON.stringify(all, null, 2)}\n`)
    renameSync(`${path}.part`, path)
  }
  return {
    isGood: (key: string): boolean => all.faults[key] !== undefined && isGood(all.faults[key]),
    keep(key: string, found: Found) {
      all.faults[key] = found
      write()
    },
  }
}
