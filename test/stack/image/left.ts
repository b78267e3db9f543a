/** Containers that a test run left behind because it was killed; the image of Ryuk, which would look after them, cannot be had everywhere. */
import { hostname } from 'node:os'
import type { ContainerRuntimeClient } from 'testcontainers'

export const label = 'gainstream.test.process'

/** Put on each container: whose it is. */
export const ofThisProcess = { [label]: `${hostname()}/${process.pid}` }

const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}

const isLeft = (owner = ''): boolean => {
  const [machine, pid] = owner.split('/')
  return machine === hostname() && isGone(Number(pid))
}

/** Removes containers, stopped ones as well, whose process on this machine is no more. */
export const removeLeft = async ({ container }: ContainerRuntimeClient): Promise<void> => {
  const engine = container.dockerode
  const all = await engine.listContainers({ all: true, filters: { label: [label] } })
  const left = all.filter(({ Labels }) => isLeft(Labels[label]))
  // Another test run may be doing the same.
  await Promise.allSettled(left.map(({ Id }) => engine.getContainer(Id).remove({ force: true, v: true })))
}
