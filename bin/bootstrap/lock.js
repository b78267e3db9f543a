import { closeSync, mkdirSync, openSync, readFileSync, statSync, unlinkSync, utimesSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** The holder touches its lock this often (ms); one that was not touched for `STALE` has no living holder. */
const BEAT = 2_000
const STALE = 20_000
const LOOK = 200

/** @param {unknown} error */
const codeOf = (error) => /** @type {NodeJS.ErrnoException} */ (error).code

/** @param {string} path */
const take = (path) => {
  try {
    const file = openSync(path, 'wx')
    writeSync(file, `${process.pid} ${hostname()}`)
    closeSync(file)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** @param {number} pid */
const lives = (pid) => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) !== 'ESRCH'
  }
}

/**
 * Was the holder killed? The beat tells it everywhere, the process id at once on the same machine.
 * @param {string} path
 */
const isAbandoned = (path) => {
  try {
    const [pid, host] = readFileSync(path, 'utf8').split(' ')
    if (Date.now() - statSync(path).mtimeMs > STALE) return true
    return host === hostname() && !lives(Number(pid))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

/** @param {string} path */
const remove = (path) => {
  try {
    unlinkSync(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

/**
 * Does the work while nobody else on this file system does it. It saves double work; what makes the work itself safe is
 * that it ends in a rename. (Two who find the same lock abandoned within microseconds could both go on; one of them
 * then stops with an error, and nothing is spoilt.)
 * @template T
 * @param {string} path
 * @param {() => void} onWait called once if somebody else is at work
 * @param {() => Promise<T>} work
 */
export const withLock = async (path, onWait, work) => {
  mkdirSync(dirname(path), { recursive: true })
  for (let waited = false; !take(path); waited = true) {
    if (isAbandoned(path)) remove(path)
    else {
      if (!waited) onWait()
      await sleep(LOOK)
    }
  }
  const beat = setInterval(() => utimesSync(path, new Date(), new Date()), BEAT)
  try {
    return await work()
  } finally {
    clearInterval(beat)
    remove(path)
  }
}
