/** Every fault there is, in the order in which they are run. */
import type { Fault } from './fault.ts'
import { ofBrokers } from './of-brokers.ts'
import { ofCommands } from './of-commands.ts'
import { ofImports } from './of-imports.ts'
import { ofLines } from './of-lines.ts'
import { ofRecords } from './of-records.ts'
import { ofTopics } from './of-topics.ts'
import { ofWorkers } from './of-workers.ts'

export const faults: readonly Fault[] = [
  ...ofWorkers,
  ...ofLines,
  ...ofTopics,
  ...ofRecords,
  ...ofImports,
  ...ofCommands,
  ...ofBrokers,
]
