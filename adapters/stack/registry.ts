/** The schema registry: Apicurio, by its Confluent API, with an H2 file for its data. */
import type { Java } from './java.ts'
import { host } from './ports.ts'
import { server, type Server } from './server.ts'

export interface RegistryOptions {
  readonly folder: string
  readonly java: Java
  /** Apicurio's runner jar. */
  readonly jar: string
  readonly ports: { readonly registry: number; readonly management: number }
  readonly detached?: boolean
  /** What to change where one of the ports is taken. */
  readonly remedy?: (port: string) => string
  /** Further system properties of it, e.g. `quarkus.http.auth.basic`. */
  readonly properties?: Readonly<Record<string, string>>
}

export interface Registry extends Server {
  /** With the path of the Confluent API. */
  readonly url: string
}

/** Where the registry on this port answers. */
export const registryUrl = (port: number) => `http://${host}:${port}/apis/ccompat/v7`

/** Does it answer, whatever it thinks of strangers? @throws while it does not */
export const probeRegistry = async (url: string): Promise<void> => {
  const { status } = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(5_000) })
  if (status !== 200 && status !== 401 && status !== 403) throw new Error(`${url} answers ${status}`)
}

/** Its settings, as Java's system properties. */
export const registryProperties = ({ ports, properties = {} }: Pick<RegistryOptions, 'ports' | 'properties'>) => ({
  'quarkus.http.host': host,
  'quarkus.http.port': String(ports.registry),
  'quarkus.management.host': host,
  'quarkus.management.port': String(ports.management),
  'quarkus.log.level': 'WARN',
  'quarkus.http.access-log.enabled': 'false',
  'apicurio.storage.kind': 'sql',
  'apicurio.storage.sql.kind': 'h2',
  // Relative to the working folder, so that no character of its path can be taken for an option. By default a schema is
  // in the file half a second after it was acknowledged: killed meanwhile, the registry would give its id to another.
  'apicurio.datasource.url': 'jdbc:h2:file:./registry;AUTO_SERVER=FALSE;WRITE_DELAY=0',
  ...properties,
})

/** What Java is told; the data lie in the working folder. */
export const registryArguments = (options: Pick<RegistryOptions, 'jar' | 'ports' | 'properties'>): string[] => [
  ...['-Xms32m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
  ...Object.entries(registryProperties(options)).map(([name, value]) => `-D${name}=${value}`),
  ...['-jar', options.jar],
]

export const registryServer = (options: RegistryOptions): Registry => {
  const { folder, java, ports, detached = false, remedy } = options
  const url = registryUrl(ports.registry)
  const made = server({
    ...{ name: 'registry', folder, log: 'registry.log', ports, command: java.command, detached },
    ...(remedy && { remedy }),
    args: registryArguments(options),
    prepare: () => Promise.resolve(),
    probe: () => probeRegistry(url),
  })
  return {
    ...made,
    get pid() {
      return made.pid
    },
    url,
  }
}

/** Starts it and waits until it answers. @throws Fatal that names its log */
export const startRegistry = async (options: RegistryOptions): Promise<Registry> => {
  const registry = registryServer(options)
  await registry.start()
  return registry
}
