/** Sides that take turns, each on a server that remembers nothing. */
import { worked, rate, type Task, type Window } from '../../cli/bench/window.ts'
import type { BenchServer } from './server.ts'

export interface Turn {
  readonly window: Window
  /** Seconds of processor time that the server used. */
  readonly cpu: number | undefined
}

interface Side {
  readonly tasks: readonly Task[]
  readonly atOnce: number
}

/** One turn on an empty prefix cache. */
export const turn = async (server: BenchServer, { tasks, atOnce }: Side): Promise<Turn> => {
  await server.forget()
  const before = server.cpu()
  const window = await worked(tasks, atOnce)
  const after = server.cpu()
  return { window, cpu: before === undefined || after === undefined ? undefined : after - before }
}

/** A B A B … */
export const turns = async <Name extends string>(
  server: BenchServer,
  sides: Readonly<Record<Name, Side>>,
  rounds: number,
  say: (line: string) => void,
): Promise<Record<Name, Turn[]>> => {
  const names = Object.keys(sides) as Name[]
  const found = Object.fromEntries(names.map((name) => [name, [] as Turn[]])) as Record<Name, Turn[]>
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const one = await turn(server, sides[name])
      found[name].push(one)
      say(`${name} ${rate(one.window).toFixed(2)} passages/s`)
    }
  }
  return found
}
