/** One onnxruntime session; runs inside a worker thread, because a session's run blocks its thread to the end. */
import { InferenceSession } from 'onnxruntime-node'
import { Fatal, sentence } from '../../runtime/errors.ts'

export interface SessionOptions {
  readonly file: string
  readonly threads: number
  /** Tried in this order; 'cpu' is tried last in any case. */
  readonly providers: readonly string[]
}

export interface Opened {
  readonly session: InferenceSession
  readonly provider: string
  /** Why each provider before it was passed over, a sentence each. */
  readonly passedOver: readonly string[]
}

/** @throws Fatal when the file is no model that onnxruntime can load. */
export const openSession = async ({ file, threads, providers }: SessionOptions): Promise<Opened> => {
  const passedOver: string[] = []
  for (const provider of new Set([...providers, 'cpu'])) {
    try {
      const session = await InferenceSession.create(file, {
        executionProviders: [provider],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: 'all',
        // A thread that spins while it waits gains 5 % on an idle machine and halves the rate on a busy one.
        extra: { session: { intra_op: { allow_spinning: '0' } } },
        logSeverityLevel: 3,
      })
      return { session, provider, passedOver }
    } catch (error) {
      passedOver.push(`${provider}: ${sentence(error)}`)
    }
  }
  throw new Fatal(`${file} cannot be loaded as an ONNX model (${passedOver.at(-1) ?? ''})`)
}
