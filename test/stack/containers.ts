/** Broker and registry in containers, for tests, where a Docker engine answers. */
import { hostname } from 'node:os'
import type { ContainerRuntimeClient } from 'testcontainers'
import { freePorts, host } from '../../adapters/stack/ports.ts'
import { registryUrl } from '../../adapters/stack/registry.ts'
import { home } from '../../cli/config.ts'
import { sentence } from '../../runtime/errors.ts'

export interface Containers {
  /** `host:port`, as this machine reaches it. */
  readonly brokers: string
  /** With the path of the Confluent API. */
  readonly registry: string
  /** For the line that says what the tests ran on. */
  readonly kind: string
  stop(): Promise<void>
}

/** One sentence. */
export interface NoContainers {
  readonly reason: string
}

/** Loaded only now: most test files never need it, and it looks for an engine by itself. */
export const engine = async (): Promise<ContainerRuntimeClient | NoContainers> => {
  if (process.platform !== 'linux')
    return { reason: `the image is made of this machine's C library, which is not that of Linux (${process.platform})` }
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true' // its image would have to come from a registry of images
  const { getContainerRuntimeClient } = await import('testcontainers')
  const client = await getContainerRuntimeClient().catch(() => undefined)
  if (client === undefined) return { reason: 'no Docker engine answers' }
  if (await isHere(client)) return client
  return { reason: `the Docker engine is on another machine (${client.info.containerRuntime.host})` }
}

/**
 * Are a container's ports those of this machine? testcontainers takes every machine that was made from an image for a
 * container beside the engine; one that bears the name that the engine knows its machine by is not.
 */
const isHere = async ({ info, container }: ContainerRuntimeClient): Promise<boolean> => {
  if (['localhost', host].includes(info.containerRuntime.host)) return true
  const { Name } = (await container.dockerode.info()) as { Name?: string }
  return Name === hostname()
}

const start = async (client: ContainerRuntimeClient, env: NodeJS.ProcessEnv): Promise<Containers> => {
  const [{ image }, { removeLeft }, { startBroker, startRegistry }] = await Promise.all([
    import('./image/image.ts'),
    import('./image/left.ts'),
    import('./image/servers.ts'),
  ])
  await removeLeft(client)
  const made = await image(client, home(env), env)
  const [broker, controller, registry] = (await freePorts(3)) as [number, number, number]
  const starting = [startBroker(made, { broker, controller }), startRegistry(made, registry)]
  const ended = await Promise.allSettled(starting)
  const stop = async () => {
    await Promise.all(ended.map(async (each) => each.status === 'fulfilled' && (await each.value.stop())))
  }
  const failed = ended.find((each) => each.status === 'rejected')
  if (failed) {
    await stop()
    throw failed.reason
  }
  const kind = `containers of Docker ${client.info.containerRuntime.serverVersion}`
  return { brokers: `${host}:${broker}`, registry: registryUrl(registry), kind, stop }
}

/**
 * Starts a broker and a registry in containers and waits until they do what they are for; or says why there are none.
 * No image registry is needed: the image is built here, once.
 */
export const containers = async (env: NodeJS.ProcessEnv = process.env): Promise<Containers | NoContainers> => {
  const client = await engine()
  if ('reason' in client) return client
  try {
    return await start(client, env)
  } catch (error) {
    return { reason: `a Docker engine answers, but servers do not start in it: ${sentence(error)}` }
  }
}
