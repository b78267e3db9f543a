/** The oldest Node that can run the set-up, and the oldest that can run the project. */
const OLDEST = 20
const WANTED = 24

/** @param {string} version */
const major = (version) => Number(version.split('.')[0])

/**
 * Why this Node cannot even fetch another one, or undefined.
 * @param {string} version e.g. `18.20.4`
 * @param {string} path of the binary
 */
export const refusal = (version, path) =>
  major(version) >= OLDEST
    ? undefined
    : `gainstream needs Node ${OLDEST} or newer to start, and ${path} is Node ${version}: install Node ${WANTED} and run the command again.`

/**
 * Can this Node run TypeScript files and everything else that the project asks of it?
 * @param {string} version
 */
export const runsProject = (version) => major(version) >= WANTED
