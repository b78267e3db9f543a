/** A local stack without Docker: Apache Kafka and a schema registry as processes of this machine. */
export { startBroker, type Broker, type BrokerOptions } from './broker.ts'
export { startRegistry, type Registry, type RegistryOptions } from './registry.ts'
export { freePorts } from './ports.ts'
export type { Listener } from './settings.ts'
export { programs, startStack, type Programs, type Stack, type StackOptions, type StackPorts } from './stack.ts'
export { down, seen, up, type Down, type Seen, type Standing, type UpOptions } from './standing.ts'
