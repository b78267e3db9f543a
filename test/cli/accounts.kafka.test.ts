import { describe } from 'vitest'
import { accounts } from './accounts.ts'
import { openKafkaStream } from './stream.ts'

describe('on Kafka', () => accounts(() => openKafkaStream()))
