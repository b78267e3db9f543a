/** A folder becomes a selector, whichever kind it holds. */
import type { Choice, Selector } from '../../method/ports.ts'
import type { SelectorSettings } from '../../method/selector.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { Logger } from '../../runtime/observe.ts'
import { readSelector, type SelectorFolder } from './folder.ts'
import { lightSelector } from './light.ts'

/** Of a cross-encoder; a light selector needs none of it. */
export interface Running {
  /** Worker threads, each with a copy of the model; undefined: as many as the cores have room for. */
  readonly workers?: number | undefined
  /** Cores of one worker. */
  readonly threads?: number | undefined
  /** Of onnxruntime, in this order. */
  readonly providers?: readonly string[] | undefined
  readonly logger?: Logger | undefined
}

export interface OpenedSelector extends Selector {
  readonly settings: SelectorSettings
}

const canary: readonly Choice[] = ['Water boils at 100 degrees Celsius at sea level.', 'Rome lies on the Tiber.'].map(
  (text, i) => ({
    ...{ id: `canary-${i}`, title: '', text, source: 'retrieved', rank: i + 1, score: 1 / (i + 1) },
    ...{ dense_rank: i + 1, dense_score: 0.5, sparse_rank: i + 1, sparse_score: 3, given_score: null },
  }),
)

/**
 * Scores one pair of passages: a model that cannot do that is not worth a query, and one that can is warm.
 * @throws Fatal where what comes back is not one finite score for each
 */
export const warmUp = async (selector: Selector, signal: AbortSignal): Promise<void> => {
  const scores = await selector.score('At what temperature does water boil?', canary, signal)
  if (scores.length !== canary.length || !scores.every(Number.isFinite))
    throw new Fatal(`selector ${selector.identity.name} gives no finite score for each passage: train it again`)
}

const opened = async (folder: SelectorFolder, running: Running): Promise<Selector> => {
  if (folder.settings.encoder === null) return lightSelector(folder)
  // onnxruntime is loaded by who has a model for it, and by nobody else.
  const { crossSelector } = await import('./cross/index.ts')
  return crossSelector(folder, running)
}

/**
 * Checked against its hashes, opened, and warm.
 * @throws Fatal with a sentence that names the file or the field; Unavailable
 */
export const openSelector = async (folder: string, running: Running, signal: AbortSignal): Promise<OpenedSelector> => {
  const read = await readSelector(folder)
  const selector = await opened(read, running)
  try {
    await warmUp(selector, signal)
  } catch (error) {
    await selector.close?.()
    throw error
  }
  return { ...selector, settings: read.settings }
}
