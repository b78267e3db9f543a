/**
 * Is the process of a member still there? A process that was killed loses its partitions at once instead of after its
 * lease. Only asked of processes of this machine and this process-id namespace; all others have their lease.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

export interface Whereabouts {
  host: string
  pid: number
  /** When the process began, as the system says it: ids of processes are used again. '' where it does not say. */
  born: string
}

const tried = (read: () => string) => {
  try {
    return read()
  } catch {
    return ''
  }
}

/** Linux: state and start time from /proc/<pid>/stat, whose second field is a name in brackets that may hold anything. */
const lifeOf = (pid: number) => {
  const fields =
    tried(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
      .split(') ')
      .at(-1)
      ?.split(' ') ?? []
  return { state: fields[0] ?? '', born: fields[19] ?? '' }
}

const exists = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

const boot = tried(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
const namespace = tried(() => readlinkSync('/proc/self/ns/pid'))

export const here: Whereabouts = {
  host: `${hostname()} ${boot} ${namespace}`,
  pid: process.pid,
  born: lifeOf(process.pid).born,
}

/** Certainly gone; false where that cannot be known. */
export const gone = ({ host, pid, born }: Whereabouts) => {
  if (host !== here.host) return false
  if (!exists(pid)) return true
  const life = lifeOf(pid)
  return life.born !== '' && (life.born !== born || life.state === 'Z' || life.state === 'X')
}
