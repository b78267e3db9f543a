/** Clients of a guarded broker, from settings as a command reads them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openKafkaLog, type KafkaOptions } from '../../../adapters/kafka/log.ts'
import { kafkaAccess } from '../../../cli/access.ts'
import { readConfig } from '../../../cli/config.ts'
import type { Log } from '../../../runtime/log.ts'
import { passwords, type Guarded } from './guarded.ts'
import { brisk } from './storage.ts'

export type Settings = Readonly<Record<string, string | boolean>>
export type User = keyof typeof passwords

export const clientsOf = (it: Guarded) => {
  const logs: Log[] = []
  const base = { 'kafka.brokers': it.address, 'kafka.tls.on': true, 'kafka.tls.ca': it.ca.files.cert }
  /** An empty text takes a setting away. */
  const access = (settings: Settings, env: NodeJS.ProcessEnv = {}): Promise<KafkaOptions> => {
    const flags = Object.fromEntries(Object.entries({ ...base, ...settings }).filter(([, value]) => value !== ''))
    return kafkaAccess(readConfig({ env, flags }))
  }
  const user = (name: User, mechanism = 'scram-sha-256', password: string = passwords[name]) => ({
    ...{ 'kafka.sasl.mechanism': mechanism, 'kafka.sasl.username': name, 'kafka.sasl.password': password },
  })
  const open = async (options: KafkaOptions) => {
    const log = await openKafkaLog({ ...options, ...brisk, patience: 4_000 })
    logs.push(log)
    return log
  }
  return {
    ...{ base, access, user, open },
    as: async (name: User) => open(await access(user(name))),
    /** Of a file with this content. */
    file(name: string, content: string) {
      const path = join(it.folder, name)
      writeFileSync(path, content)
      return path
    },
    close: () => Promise.all(logs.map((log) => log.close())),
  }
}
export type Clients = ReturnType<typeof clientsOf>
