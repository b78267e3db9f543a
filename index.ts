/**
 * What a program may import from `gainstream`: the runtime (processors, topics and logs as values), the pure functions of
 * the method with their ports, and the topology built from both. Adapters are chosen by configuration: use the command.
 */
export * from './runtime/codec.ts'
export * from './runtime/endpoint.ts'
export * from './runtime/engine.ts'
export * from './runtime/errors.ts'
export type * from './runtime/log.ts'
export * from './runtime/observe.ts'
export * from './runtime/picture.ts'
export * from './runtime/policy.ts'
export * from './runtime/processor.ts'
export * from './runtime/source.ts'
export * from './runtime/stage.ts'
export * from './runtime/topic.ts'
export * from './runtime/totals.ts'
export * from './method/index.ts'
export { processors, topologies } from './processors/index.ts'
export * as schemas from './schemas/index.ts'
export * as topics from './topics/index.ts'
