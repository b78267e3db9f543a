import { createHash } from 'node:crypto'

/** The same question asked twice is two queries: when it was asked is part of the id. */
export const derivedQueryId = (question: string, at: number): string =>
  `${at.toString(36)}-${createHash('sha256').update(question).digest('hex').slice(0, 8)}`
