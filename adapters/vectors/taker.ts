/** A stream of bytes, taken in the parts that its format has. */
export interface Taker {
  /** Exactly so many bytes, in a buffer of their own. @throws CutShort */
  take(length: number): Promise<Uint8Array<ArrayBuffer>>
  /** Up to the next line end, without it. @throws CutShort */
  line(): Promise<Buffer>
}

/** The stream ended before what was asked for. */
export class CutShort extends Error {
  override readonly name = 'CutShort'
}

export const taker = (source: AsyncIterable<Buffer>): Taker => {
  const parts = source[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)
  const more = async () => {
    const next = await parts.next()
    if (next.done) throw new CutShort('the stream ended too soon')
    return next.value
  }
  return {
    async take(length) {
      const bytes = new Uint8Array(length)
      for (let done = 0; done < length;) {
        if (held.length === 0) held = await more()
        const part = held.subarray(0, length - done)
        bytes.set(part, done)
        held = held.subarray(part.length)
        done += part.length
      }
      return bytes
    },
    async line() {
      let at = held.indexOf(10)
      while (at < 0) {
        held = Buffer.concat([held, await more()])
        at = held.indexOf(10)
      }
      const line = held.subarray(0, at)
      held = held.subarray(at + 1)
      return line
    },
  }
}
