/** The encoder that a configuration means: in this process, or on servers. */
import { encoderModel } from '../adapters/models/encoder.ts'
import { usage } from '../adapters/models/presets.ts'
import { openEmbedder } from '../adapters/onnx/index.ts'
import type { Embedder } from '../method/ports.ts'
import type { Logger } from '../runtime/observe.ts'
import { seconds } from '../runtime/topic.ts'
import { encoderAccess } from './access.ts'
import type { Config } from './config.ts'

export interface Surroundings {
  /** Where downloaded models are kept. */
  readonly home: string
  readonly onProgress: (what: string, done: number, total?: number) => void
  readonly logger: Logger
  /** Ends the waiting for servers that are away. */
  readonly signal?: AbortSignal | undefined
}

type Open = (config: Config, surroundings: Surroundings) => Promise<Embedder>

const usageOf = ({ encoder }: Config) =>
  usage(
    {
      pooling: encoder.pooling,
      normalised: encoder.normalised,
      query_prefix: encoder.query_prefix,
      passage_prefix: encoder.passage_prefix,
      max_tokens: encoder.max_tokens,
    },
    encoder.preset,
  )

const encoders: Record<Config['encoder']['engine'], Open> = {
  async onnx(config, { home, onProgress, logger }) {
    const { model, threads, workers } = config.encoder
    const folder = await encoderModel({ path: model, home, onProgress })
    return openEmbedder({ folder, usage: usageOf(config), threads, workers: workers ?? undefined, logger })
  },
  async server(config, { logger, signal }) {
    // Its client is loaded by who has servers, and by nobody else.
    const { openServedEmbedder } = await import('../adapters/embeddings/index.ts')
    const { model, batch, concurrency, timeout } = config.encoder
    const { pooling: _, ...used } = usageOf(config)
    return openServedEmbedder({
      ...(await encoderAccess(config)),
      ...{ model: model ?? undefined, usage: used, texts: batch, concurrency, timeout: seconds(timeout) },
      ...{ logger, signal },
    })
  },
}

/** @throws Fatal for a model, a server or a setting that will not do, with the sentence; Unavailable. */
export const openEncoder: Open = (config, surroundings) => encoders[config.encoder.engine](config, surroundings)
