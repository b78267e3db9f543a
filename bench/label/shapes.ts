/** How the raw ceiling asks: whole queries in a request, or prompt by prompt, so many at once; the fastest is taken. */
import type { Raw, TokenQuery } from '../../cli/bench/raw.ts'
import { rate, type Task } from '../../cli/bench/window.ts'
import type { BenchServer } from './server.ts'
import { turn } from './turns.ts'

export interface Shape {
  readonly each: 'query' | 'prompt'
  readonly atOnce: number
}

export const shapes: readonly Shape[] = [
  { each: 'query', atOnce: 1 },
  { each: 'query', atOnce: 2 },
  { each: 'query', atOnce: 4 },
  { each: 'prompt', atOnce: 8 },
  { each: 'prompt', atOnce: 32 },
]

const never = new AbortController().signal

export const piecesOf = (raw: Raw, queries: readonly TokenQuery[], each: Shape['each']): Task[] => {
  const lists = queries.flatMap(({ passages }) => (each === 'query' ? [passages] : passages.map((prompt) => [prompt])))
  return lists.map((prompts) => ({ passages: prompts.length, run: () => raw.prefill(prompts, never) }))
}

export const bestShape = async (
  server: BenchServer,
  queries: readonly TokenQuery[],
  say: (line: string) => void,
): Promise<Shape> => {
  let best: { shape: Shape; speed: number } | undefined
  for (const shape of shapes) {
    const { window } = await turn(server, { tasks: piecesOf(server.raw, queries, shape.each), atOnce: shape.atOnce })
    const speed = rate(window)
    say(`ceiling, ${shape.atOnce} at once of one ${shape.each}: ${speed.toFixed(2)} passages/s`)
    if (!best || speed > best.speed) best = { shape, speed }
  }
  return best!.shape
}
