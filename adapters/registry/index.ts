/** A schema registry with the Confluent API: what Avro clients of every language share with the log's topics. */
import { SchemaRegistry as Client } from '@kafkajs/confluent-schema-registry'
import { Fatal } from '../../runtime/errors.ts'
import type { SchemaRegistry } from '../../schemas/registry.ts'

export interface RegistryOptions {
  /** Of the API, e.g. `http://127.0.0.1:8081/apis/ccompat/v7`. */
  readonly url: string
  /** Registers schemas that are missing (default false: they are only looked for). */
  readonly create?: boolean
}

export const confluentRegistry = ({ url, create = false }: RegistryOptions): SchemaRegistry => {
  const client = new Client({ host: url })
  return {
    async register(subject, schema) {
      const text = JSON.stringify(schema)
      try {
        return await client.getRegistryIdBySchema(subject, { type: 'AVRO' as never, schema: text })
      } catch (error) {
        if (!create) throw new Fatal(`the registry at ${url} does not have the schema of ${subject}`, { cause: error })
      }
      return (
        await client.register(
          { type: 'AVRO' as never, schema: text },
          { subject, compatibility: 'FULL_TRANSITIVE' as never },
        )
      ).id
    },
    schema: async (id) => JSON.parse(JSON.stringify(await client.getSchema(id))) as object,
  }
}
