/** A proxy in front of a broker that cuts connections between the end of a transaction and its answer. */
import { connect, createServer, type Socket } from 'node:net'

const endTransaction = 26

/** Whole requests or answers out of a stream of bytes: each begins with its length in four bytes. */
export const frames = (each: (frame: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes: Buffer) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const frame = rest.subarray(0, 4 + rest.readInt32BE(0))
      rest = rest.subarray(frame.length)
      each(frame)
    }
  }
}

const afterText = (frame: Buffer, at: number) => at + 2 + Math.max(0, frame.readInt16BE(at))

/** A request to commit: the length, kind (16 bits), version (16), number (32), client, transaction, producer (64 + 16), commit? */
export const isCommit = (frame: Buffer): boolean => {
  if (frame.readInt16BE(4) !== endTransaction) return false
  const transaction = afterText(frame, 12)
  return frame[afterText(frame, transaction) + 10] === 1
}

export interface Cutter {
  readonly port: number
  /** Cuts after the broker had answered, so that the commit stands; and without waiting for that. */
  readonly cuts: { answered: number; unanswered: number }
  close(): void
}

export interface CutterOptions {
  readonly host: string
  readonly port: number
  /** Every so manieth commit is cut off. */
  readonly every: number
}

/** Every cut ends one connection: what the request says has reached the broker, and the answer reaches nobody. */
export const cutter = async ({ host, port, every }: CutterOptions): Promise<Cutter> => {
  const cuts = { answered: 0, unanswered: 0 }
  const sockets = new Set<Socket>()
  let commits = 0

  const joined = (client: Socket) => {
    const broker = connect({ host, port, noDelay: true })
    let awaited: number | undefined
    const end = () => {
      client.destroy()
      broker.destroy()
    }
    const request = (frame: Buffer) => {
      const strikes = isCommit(frame) && ++commits % every === 0
      if (!strikes) return void broker.write(frame)
      if ((commits / every) % 2 === 0) {
        awaited = frame.readInt32BE(8)
        return void broker.write(frame)
      }
      cuts.unanswered++
      broker.write(frame, end)
    }
    const answer = (frame: Buffer) => {
      if (frame.readInt32BE(4) !== awaited) return void client.write(frame)
      cuts.answered++
      end()
    }
    for (const socket of [client, broker]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', end)
      socket.on('close', () => sockets.delete(socket))
    }
    client.on('data', frames(request))
    broker.on('data', frames(answer))
  }

  const server = createServer({ noDelay: true }, joined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    cuts,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
