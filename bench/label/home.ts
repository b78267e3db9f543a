import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where models and the benchmark's own Python packages are kept. */
export const home = process.env['GAINSTREAM_HOME'] ?? join(homedir(), '.cache', 'gainstream')
