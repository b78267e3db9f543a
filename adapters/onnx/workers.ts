/** How many copies of a model work at once. */
import { stat } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'

export interface Room {
  readonly cores: number
  /** Bytes of the machine. */
  readonly memory: number
}

export interface Workers {
  readonly workers: number
  /** Cores of each. */
  readonly threads: number
}

/** Copies take a quarter of the memory at most: the reader and the store want some, too. */
const share = 4

/**
 * What was asked for; else as many workers as there are cores for their threads and memory for their copies.
 * @param size of the model's file in bytes
 */
export const sized = (
  size: number,
  asked: { readonly workers?: number | undefined; readonly threads?: number | undefined },
  { cores, memory }: Room,
): Workers => {
  const threads = Math.min(asked.threads ?? cores, cores)
  const fitting = Math.min(Math.floor(cores / threads), Math.floor(memory / share / Math.max(size, 1)))
  return { workers: asked.workers ?? Math.max(1, fitting), threads }
}

export const workersFor = async (model: string, asked: Parameters<typeof sized>[1]): Promise<Workers> =>
  sized((await stat(model)).size, asked, { cores: availableParallelism(), memory: totalmem() })
