import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Fatal } from '../runtime/errors.ts'

/** A file that comes with the package: beside the sources, or one folder up from the built files. */
export const packageFile = (path: string): string => {
  for (const up of ['../', '../../']) {
    const at = fileURLToPath(new URL(`${up}${path}`, import.meta.url))
    if (existsSync(at)) return at
  }
  throw new Fatal(`${path} is missing: install the package again`)
}
