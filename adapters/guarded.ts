/** Ports behind an endpoint: its slots, its time limit and its breaker hold for every call. */
import type { Embedder, Hint, PassageSearch, PassageStore, Reader, Scorer } from '../method/ports.ts'
import type { Endpoint } from '../runtime/endpoint.ts'

export const guardedScorer = (endpoint: Endpoint, scorer: Scorer): Scorer => ({
  identity: scorer.identity,
  exact: scorer.exact,
  score: (request, signal, hint?: Hint) => endpoint.call((s) => scorer.score(request, s, hint), signal, hint),
})

export const guardedReader = (endpoint: Endpoint, reader: Reader): Reader => ({
  identity: reader.identity,
  answer: (request, signal, hint?: Hint) => endpoint.call((s) => reader.answer(request, s, hint), signal, hint),
  imagine: (request, signal, hint?: Hint) => endpoint.call((s) => reader.imagine(request, s, hint), signal, hint),
})

export const guardedEmbedder = (endpoint: Endpoint, embedder: Embedder): Embedder => ({
  identity: embedder.identity,
  embed: (texts, as, signal, hint?: Hint) => endpoint.call((s) => embedder.embed(texts, as, s), signal, hint),
  close: () => embedder.close(),
})

export const guardedSearch = (endpoint: Endpoint, store: PassageSearch): PassageSearch => ({
  near: (vector, k, signal) => endpoint.call((s) => store.near(vector, k, s), signal),
  match: (text, k, signal) => endpoint.call((s) => store.match(text, k, s), signal),
  count: () => store.count(),
})

export const guardedStore = (endpoint: Endpoint, store: PassageStore): PassageStore => ({
  ...guardedSearch(endpoint, store),
  name: store.name,
  upsert: (rows, signal) => endpoint.call((s) => store.upsert(rows, s), signal),
  remove: (ids, signal) => endpoint.call((s) => store.remove(ids, s), signal),
  close: () => store.close(),
})
