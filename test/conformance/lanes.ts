import { crashes } from './lane-crash.ts'
import { ends } from './lane-ends.ts'
import { limits } from './lane-limits.ts'
import { outcomes } from './lane-outcomes.ts'
import { sources } from './lane-source.ts'

/** The runtime's own lanes on the log that is tested. */
export const lanes = [...crashes, ...sources, ...outcomes, ...limits, ...ends]
