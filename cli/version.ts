import { readFileSync } from 'node:fs'

/** The package's version: beside the checkout's root, or one folder up from the built files. */
export const version = (): string => {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as Record<string, string>
      if (name === 'gainstream' && version) return version
    } catch {
      // the other place
    }
  }
  return 'unknown'
}
