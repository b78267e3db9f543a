/** deploy/compose.yaml as Docker Compose reads it. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { z } from 'zod'

const Service = z.strictObject({
  image: z.string(),
  user: z.string().optional(),
  // Compose takes numbers and truth values, too, but not every YAML reader agrees on what they are.
  environment: z.record(z.string(), z.string()),
  ports: z.array(z.string()),
  volumes: z.array(z.string()),
  healthcheck: z.strictObject({
    test: z.array(z.string()),
    interval: z.string(),
    timeout: z.string(),
    retries: z.int(),
  }),
  stop_grace_period: z.string(),
  restart: z.string(),
})

const Compose = z.strictObject({
  name: z.string(),
  services: z.strictObject({ broker: Service, registry: Service }),
  volumes: z.record(z.string(), z.null()),
})

const text = readFileSync(fileURLToPath(new URL('../../deploy/compose.yaml', import.meta.url)), 'utf8')

/** With these variables set; `${NAME:-default}` is else the default. */
export const composeWith = (variables: Readonly<Record<string, number>>) =>
  Compose.parse(
    parse(text.replace(/\$\{(\w+):-(\w+)\}/g, (_, name: string, or: string) => String(variables[name] ?? or))),
  )

/** `KAFKA_LOG_DIRS` is `log.dirs`, by the rule of Apache's image; what is meant for its scripts is left out. */
export const brokerSettings = (environment: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment)
      .filter(([name]) => name.startsWith('KAFKA_') && !/_(HEAP|JVM_PERFORMANCE)_OPTS$/.test(name))
      .map(([name, value]) => [name.replace('KAFKA_', '').toLowerCase().replaceAll('_', '.'), value]),
  )
