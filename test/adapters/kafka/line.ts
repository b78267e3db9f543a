import { connect as open, type Socket } from 'node:net'
import type { KafkaOptions } from '../../../adapters/kafka/log.ts'

/** The wires of one process: they can be cut (kill -9), and they can stand still (SIGSTOP) with what was written on them. */
export const wires = () => {
  const sockets = new Set<Socket>()
  let cut = false
  let still = false
  let held: (() => void)[] = []

  const connect: NonNullable<KafkaOptions['connect']> = ({ host, port, onConnect }) => {
    const socket = open({ host, port, noDelay: true }, () => (still ? held.push(onConnect) : onConnect()))
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    const write = socket.write.bind(socket) as (...all: unknown[]) => boolean
    socket.write = (...all: unknown[]) => (still ? held.push(() => void write(...all)) > 0 : write(...all))
    if (still) socket.pause()
    if (cut) socket.destroy(new Error('this process is dead'))
    return socket
  }
  return {
    connect,
    cut() {
      cut = true
      held = []
      for (const socket of sockets) socket.destroy(new Error('this process is dead'))
    },
    stop() {
      still = true
      for (const socket of sockets) socket.pause()
    },
    go() {
      still = false
      for (const each of held.splice(0)) each()
      for (const socket of sockets) socket.resume()
    },
  }
}
