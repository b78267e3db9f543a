/** A stream of its own on the live broker and registry, and records that use every kind of field. */
import { randomUUID } from 'node:crypto'
import { readConfig } from '../../cli/config.ts'
import { openStream, sourceOf } from '../../cli/streams.ts'
import { openWorld } from '../../cli/world.ts'
import { enter } from '../../runtime/source.ts'
import type { Message } from '../../runtime/topic.ts'
import type { Asked } from '../../schemas/query.ts'
import type { Gains } from '../../schemas/gains.ts'
import type { Sample } from '../../schemas/sample.ts'
import { catalogue, controlTopics } from '../../topics/index.ts'

export const brokers = process.env['GAINSTREAM_TEST_BROKERS'] ?? ''
export const registry = process.env['GAINSTREAM_TEST_REGISTRY'] ?? ''

/** @param at the registry's address, where it is not asked directly */
export const openTestStream = async (at = registry, prefix = `t${randomUUID().slice(0, 8)}`) => {
  const servers = { 'kafka.brokers': brokers, 'registry.url': at }
  const flags = { engine: 'kafka', prefix, stream: 's', partitions: 2, log: 'error', ...servers }
  const { signal } = new AbortController()
  const screen = { tty: false, write() {} }
  const opened = await openWorld(readConfig({ env: {}, flags }), screen, {}, { create: true })
  const world = await openStream(opened, signal)
  return {
    ...{ world, signal },
    /** As any source of ours enters records: in a transaction, under the codec of the stream. */
    enter: (name: string, messages: readonly Message[]) =>
      enter(sourceOf(world, name, 'a test', signal), (from) =>
        messages.slice(from).map((message, i) => ({ message, position: from + i + 1 })),
      ),
    close: async () => {
      const { log, names } = world
      const topics = [...catalogue, ...controlTopics].map((topic) => names.topic(topic))
      await log.remove({ topics: [...new Set(topics)], groups: [names.group('ingest')] })
      await world.close()
    },
  }
}

const scorer = {
  model: 'SmolLM2-135M-Instruct',
  revision: 'a1',
  dtype: 'q8_0',
  server: 'node-llama-cpp',
  runner: 'v1',
  plugin: 'gain-logits 0.1.0',
  prompt: null,
}
const usage = { calls: 3, prompt_tokens: 4_503_599_627_370_497, output_tokens: 0, cache_hits: 2, seconds: 0.1 + 0.2 }

export const question = (n: number): Asked => ({
  ...{ run: 'monday', asked_at: 1_700_000_000_000 + n },
  query: {
    ...{ id: `nq/${n}`, question: `Wie heißt der Fluß durch Wien (${n})? 🌊`, answers: ['Donau', 'the Danube'] },
    ...{ dataset: 'nq', lang: 'de', gold_passage_ids: n % 2 === 0 ? [] : ['p1'] },
  },
})

const nothing = { dense_rank: null, dense_score: null, sparse_rank: null, sparse_score: null, given_score: null }

/** Every optional field once with a value and once without; doubles that no decimal of a few digits can hold. */
export const gained = (n: number): Gains => ({
  ...question(n),
  passages: [
    {
      ...{ id: 'p1', title: 'Wien', text: 'Wien liegt an der Donau.\n\tAnd “quotes”.', source: 'retrieved', rank: 1 },
      ...{ score: Math.PI, dense_rank: 1, dense_score: 0.1, sparse_rank: 3, sparse_score: 12.5, given_score: -1e-12 },
      ...{ same_as: ['p9'], twin_of: null, not_available: false },
    },
    {
      ...{ id: 'p2', title: '', text: 'N/A', source: 'generated', rank: 2, score: null, ...nothing },
      ...{ same_as: [], twin_of: 'p1', not_available: true },
    },
  ],
  gains: [
    {
      ...{ passage_id: 'p1', mean_nll: Math.E / 3, plain_mean_nll: 0.25, base_mean_nll: 1e300, infogain: -0 + 5e-324 },
      ...{ answer: 'Donau', plain_answer: 'the Danube', tokens: 2_147_483_647, cut: 7, unscored: null },
    },
    {
      ...{ passage_id: 'p2', mean_nll: null, plain_mean_nll: null, base_mean_nll: null, infogain: null },
      ...{ answer: null, plain_answer: null, tokens: null, cut: 0, unscored: 'it says that it has nothing' },
    },
  ],
  ...{
    alpha: 0.3,
    exact: true,
    golds: ['Donau', 'the Danube'],
    golds_left_out: 1,
    scorer,
    usage,
    settings: 'cafe',
    measure: 'contrastive',
  },
})

export const sampled = (n: number): Sample => ({
  ...{ run: 'monday', query: question(n).query, outcome: 'kept', reason: '', measure: 'contrastive', alpha: 0.3 },
  passages: [
    {
      ...{ id: 'p1', title: 'Wien', text: 'Wien liegt an der Donau.', source: 'retrieved', rank: 1 },
      ...{ mean_nll: 0.9, score: -1.2386, has_answer: true, twin_of: null, retrieval_score: 0.016 },
      ...{ dense_rank: 1, dense_score: 0.75, sparse_rank: null, sparse_score: null },
    },
  ],
  ...{ filter_prediction: 'Donau', filter_reader: scorer, scorer, usage, settings: 'cafe', measure: 'contrastive' },
})
