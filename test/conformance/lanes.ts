import { crashes } from './lane-crash.ts'
import { ends } from './lane-ends.ts'
import { limits } from './lane-limits.ts'
import { outcomes } from './lane-outcomes.ts'

/** The runtime's own lanes on the log that is tested. */
export const lanes = [...crashes, ...outcomes, ...limits, ...ends]
