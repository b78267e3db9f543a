/**
 * Where a schema's id comes from, and the schema of an id. Ids are those of the Confluent framing: whole numbers from
 * 1 below 2^31, the same for every process that reads the log, never given twice.
 *
 * The SQLite log keeps them beside its records and lets a worker register. Behind Kafka stands a registry server where
 * `gainstream topics apply --execute` registers, with compatibility FULL_TRANSITIVE, and workers only look up: there
 * `register` answers with the id of a schema that is known, is `Fatal` for one that is not, and waits a minute for a
 * server that is away; `schema` never waits, because lanes do.
 */
export interface SchemaRegistry {
  /**
   * The id of this schema under this subject (`<topic>-value`), the same one each time.
   * @throws Fatal when the registry does not take the schema; Unavailable while it cannot be reached.
   */
  register(subject: string, schema: object): Promise<number>
  /** @throws Rejected when no schema has this id; Unavailable while it cannot be reached. */
  schema(id: number): Promise<object>
}
