/** A worker process with the real answering stages on Kafka, and ports that do nothing: no model, no search. */
import { openKafkaLog } from '../../adapters/kafka/log.ts'
import { retrievalOrder } from '../../adapters/selectors.ts'
import { answering, imagining } from '../../method/prompt.ts'
import type { Reader, Retriever } from '../../method/ports.ts'
import { generate, imagine, retrieve, select } from '../../processors/index.ts'
import { bind, engine } from '../../runtime/engine.ts'
import { unobserved } from '../../runtime/observe.ts'
import { table } from '../../runtime/table.ts'
import { names } from '../../runtime/topic.ts'
import { rejects, totals } from '../../topics/index.ts'
import { codecFor, textsOf } from './lines.ts'

export interface Orders {
  readonly brokers: readonly string[]
  readonly registry: string
  readonly prefix: string
  readonly partitions: number
  readonly k: number
}

const usage = { calls: 0, prompt_tokens: 0, output_tokens: 0, cache_hits: 0, seconds: 0 }
const identity = { model: 'none', revision: '', dtype: '', server: '', runner: '', plugin: '', prompt: null }
const reading = async () => ({ text: 'an answer', usage, cut: null })
const reader: Reader = { identity, answer: reading, imagine: reading }

/** About as long as a passage of a hundred words. */
const texts = textsOf(600)
const scores = { dense_rank: null, dense_score: null, sparse_rank: null, sparse_score: null, given_score: null }
const found = (rank: number) => ({
  ...{ id: `p${rank}`, title: `Title ${rank}`, text: texts[rank] ?? '', source: 'retrieved', rank, score: 1 / rank },
  ...{ ...scores, same_as: [], twin_of: null, not_available: false },
})
const retriever: Retriever = { retrieve: async (_, k) => Array.from({ length: k }, (_, at) => found(at + 1)) }

const stages = (k: number) => [
  bind(imagine, { imagines: false, reader, prompt: imagining, maxTokens: 1 }),
  bind(retrieve, { retriever, k, notAvailable: 'drop' }),
  bind(select, { inForce: () => ({ selector: retrievalOrder }), keep: 1, abstain: false }),
  bind(generate, {
    ...{ reader, passages: 1, prompt: () => answering, passageTokens: 512, answerTokens: 32, now: Date.now },
  }),
]

const work = async ({ brokers, registry, prefix, partitions, k }: Orders) => {
  const log = await openKafkaLog({ brokers })
  const named = names(prefix, 'lines')
  const running = await engine({
    ...{ log, codec: codecFor(registry, named), names: named, partitions, totals, rejects, now: Date.now },
    ...{ table: table(log, named.topic(totals)), stages: stages(k), observe: unobserved },
  })
  running.failed.catch((error: Error) => {
    console.error(process.pid, 'stopped:', error.message)
    process.exit(1)
  })
  process.once('SIGTERM', () => void running.stop().then(() => process.exit(0)))
  console.log('ready')
}

await work(JSON.parse(process.argv[2] ?? '{}') as Orders)
