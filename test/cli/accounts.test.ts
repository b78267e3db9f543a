import { describe } from 'vitest'
import { accounts } from './accounts.ts'
import { openTestStream } from './stream.ts'

describe('on the embedded engine', () => accounts(() => openTestStream()))
