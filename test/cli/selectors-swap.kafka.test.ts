import { describe } from 'vitest'
import { swaps } from './selectors-swap.ts'
import { openKafkaStream } from './stream.ts'

describe('on Kafka', () => swaps(openKafkaStream))
