import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Fatal } from '../../runtime/errors.ts'
import { trouble } from './trouble.ts'

/** Which content a position in a file belongs to. */
export interface Fingerprint {
  /** Of the bytes as they lie there, packed or not; hexadecimal. */
  readonly sha256: string
  readonly bytes: number
}

/** Reads the whole file once. @throws Fatal with a sentence when it cannot be read or is empty. */
export const fingerprint = async (path: string, signal?: AbortSignal): Promise<Fingerprint> => {
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const part of createReadStream(path, { highWaterMark: 1024 * 1024, ...(signal && { signal }) })) {
      hash.update(part as Buffer)
      bytes += (part as Buffer).length
    }
  } catch (error) {
    throw trouble(path, error)
  }
  if (bytes === 0) throw new Fatal(`${path} is empty; it needs at least one record`)
  return { sha256: hash.digest('hex'), bytes }
}
