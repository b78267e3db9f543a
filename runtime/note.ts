import { Fatal } from './errors.ts'

/**
 * What a lane keeps beside its settled position, in at most 4,000 ASCII characters: which topic (by id) the position
 * belongs to, and which positions ahead of it are settled too (I3). Bit `n` of the map stands for `position + n`.
 */
export interface Note {
  readonly topicId: string
  readonly ahead: readonly number[]
}

/** 20,000 positions are 2,500 bytes are 3,336 characters of base64: the rest is left to the topic id. */
export const longestSpan = 20_000

export const writeNote = (position: number, { topicId, ahead }: Note): string => {
  const last = ahead.reduce((most, at) => Math.max(most, at), position)
  const map = Buffer.alloc(ahead.length === 0 ? 0 : ((last - position) >> 3) + 1)
  for (const at of ahead) map[(at - position) >> 3]! |= 1 << ((at - position) & 7)
  return `1 ${topicId} ${map.toString('base64')}`
}

/**
 * @param where for people: whose position it is
 * @throws Fatal when the note was not written by `writeNote`, e.g. after `kafka-consumer-groups --reset-offsets`
 */
export const readNote = (position: number, note: string, where = 'a stage'): Note => {
  const [version, topicId, map] = note.split(' ')
  if (version !== '1' || topicId === undefined)
    throw new Fatal(
      `${where}: its position ${position} was set by another program, and which later records are settled got lost with ` +
        `what stood beside it. Use a new stream (gainstream replay makes one), and never set positions by hand`,
    )
  const bytes = Buffer.from(map ?? '', 'base64')
  const ahead: number[] = []
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    if (bytes[bit >> 3]! & (1 << (bit & 7))) ahead.push(position + bit)
  }
  return { topicId, ahead }
}
