import { swaps } from './selectors-swap.ts'
import { openTestStream } from './stream.ts'

swaps(openTestStream)
