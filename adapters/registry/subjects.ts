/** What a registry has under a subject: the library where it helps, plain requests where it does not. */
import { COMPATIBILITY, SchemaRegistry as Library, SchemaType } from '@kafkajs/confluent-schema-registry'
import { Fatal, Rejected, sentence } from '../../runtime/errors.ts'
import { Answer, transport, type Address, type Transport } from './transport.ts'

export interface Version {
  readonly version: number
  readonly schema: object
}

export interface Subjects {
  /** The registry, for people. */
  readonly name: string
  /** Which versions of this subject must understand each other, where that was set for it. */
  level(subject: string): Promise<string | undefined>
  /** Every version must read every other one. Before the first schema: the registry enforces nothing until then. */
  demandAll(subject: string): Promise<void>
  /** Undefined: this very schema is not registered under this subject. */
  id(subject: string, schema: object): Promise<number | undefined>
  /** Oldest first. */
  versions(subject: string): Promise<Version[]>
  /** Would the registry take it, as the subject's level is now? For a subject that has versions. */
  takes(subject: string, schema: object): Promise<boolean>
  /** @throws Fatal with what the registry said where it does not take the schema */
  register(subject: string, schema: object): Promise<number>
  /** @throws Rejected where no Avro schema has this id */
  schema(id: number): Promise<object>
}

/** The level that `demandAll` sets. */
export const demanded = COMPATIBILITY.FULL_TRANSITIVE

const avro = (schema: object) => ({ type: SchemaType.AVRO as const, schema: JSON.stringify(schema) })
const at = encodeURIComponent

/** @throws Unavailable and Fatal, each of its functions; no message holds a secret */
export const subjects = (address: Address): Subjects => {
  const to = transport(address)
  const library = libraryOver(to)
  const post = (path: string, body: object) => to.ask('POST', path, JSON.stringify(body))

  const level = async (subject: string) => {
    const found = await orUndefined(to.ask('GET', `/config/${at(subject)}`))
    return (found as { compatibilityLevel?: string } | undefined)?.compatibilityLevel
  }
  const id = async (subject: string, schema: object) => {
    try {
      return await library.getRegistryIdBySchema(subject, avro(schema))
    } catch (error) {
      if (error instanceof Error && error.name === 'ConfluentSchemaRegistryError') return undefined // its word for 404
      throw refused(error, to, `to look for the schema of ${subject}`)
    }
  }

  return {
    ...{ name: to.shown, level, id },
    async demandAll(subject) {
      try {
        await to.ask('PUT', `/config/${at(subject)}`, JSON.stringify({ compatibility: demanded }))
      } catch (error) {
        if (error instanceof Answer && (await level(subject)) === demanded) return // somebody else was first
        throw refused(error, to, `to hold ${subject} to ${demanded}`)
      }
    },
    async versions(subject) {
      const numbers = ((await orUndefined(to.ask('GET', `/subjects/${at(subject)}/versions`))) ?? []) as number[]
      const found: Version[] = []
      for (const version of numbers.toSorted((a, b) => a - b)) {
        const { schema } = (await to.ask('GET', `/subjects/${at(subject)}/versions/${version}`)) as { schema: string }
        found.push({ version, schema: JSON.parse(schema) as object })
      }
      return found
    },
    async takes(subject, schema) {
      const path = `/compatibility/subjects/${at(subject)}/versions`
      const answer = await post(path, { schema: JSON.stringify(schema) })
      return (answer as { is_compatible: boolean }).is_compatible
    },
    async register(subject, schema) {
      try {
        return (await library.register(avro(schema), { subject, compatibility: demanded })).id
      } catch (error) {
        const there = error instanceof Answer ? await id(subject, schema) : undefined
        if (there !== undefined) return there // somebody else was first
        throw refused(error, to, `the schema of ${subject}`)
      }
    },
    async schema(wanted) {
      try {
        return JSON.parse(JSON.stringify(await library.getSchema(wanted))) as object
      } catch (error) {
        throw unknownId(error, to, wanted)
      }
    },
  }
}

/** The library forms the requests and keeps what it was told; this carries them. */
const libraryOver = (to: Transport): Library => {
  const carried = () => ({
    response: async (_next: unknown, _renew: unknown, request: Carried) => {
      const data = await to.ask(request.method(), request.url(), request.body() ?? undefined)
      return { data: () => data } as never
    },
  })
  return new Library({ host: to.shown, retry: { retries: 0 }, middlewares: [carried as never] })
}
interface Carried {
  method(): string
  url(): string
  body(): string | null | undefined
}

const orUndefined = (asked: Promise<unknown>): Promise<unknown> =>
  asked.catch((error: unknown) => {
    if (error instanceof Answer && error.status === 404) return undefined
    throw error
  })

const refused = (error: unknown, { shown }: Transport, what: string): unknown =>
  error instanceof Answer ? new Fatal(`the schema registry at ${shown} refuses ${what}: ${error.message}`) : error

/** What the library cannot parse is no Avro schema: nor is a record with this id one that a stage can read. */
const unknownId = (error: unknown, { shown }: Transport, id: number): unknown => {
  if (error instanceof Answer) return new Rejected(`the schema registry at ${shown} has no schema with the id ${id}`)
  const known = error instanceof Error && ['Unavailable', 'Fatal'].includes(error.name)
  if (known) return error
  return new Rejected(`schema ${id} of the registry at ${shown} is no Avro schema (${sentence(error)})`)
}
