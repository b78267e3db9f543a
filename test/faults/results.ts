/** Figures in a file, fault by fault, so that a run that was broken off goes on where it was. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { isGood, type Found } from './fault.ts'

/** One line for people. */
export const lineOf = (name: string, found: Found): string => {
  const { records, seen, lost, doubled, rejects, counted, seconds, remarks, wrong } = found
  const counts =
    `${records} records, ${seen} copies seen, ${lost} lost, ${doubled} doubled, ${found.again} worked on twice, ` +
    `${rejects.length} rejects, totals say ${counted}, ${seconds.toFixed(1)} s`
  const more = [...remarks, ...wrong.map((each) => `WRONG: ${each}`)]
  return [`RESULT ${name}: ${counts}`, ...more].join('\n       ')
}

export const resultsIn = (path: string) => {
  const all = (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}) as Record<string, Found>
  return {
    isGood: (name: string): boolean => all[name] !== undefined && isGood(all[name]),
    keep(name: string, found: Found) {
      all[name] = found
      writeFileSync(`${path}.part`, `${JSON.stringify(all, null, 2)}\n`)
      renameSync(`${path}.part`, path)
    },
  }
}
