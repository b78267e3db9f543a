/** Servers to strike. */
import { simulatedFleet, simulatedServer, type SimulatedOptions } from '../../vllm/fleet.ts'
import { tokenized } from '../../vllm/model.ts'
import type { Supply } from './ground.ts'

/** @param rate queries a second that two servers manage, as their prefill allows */
export const simulated = (rate: number, timeout: number): Supply => {
  const tokensPerQuery = 2_900 // measured; its last block is paid once more for each further gold
  const pace: SimulatedOptions = { prefill: (rate / 2) * tokensPerQuery, decode: 2 }
  return {
    ...{ kind: 'simulated', timeout, comeback: 0, passageTokens: 1_024 },
    open: (count, options) => simulatedFleet(count, { ...pace, ...options }),
    stranger: () => simulatedServer({ ...pace, plugin: false }),
    spelt: (word) => Promise.resolve(tokenized(word)),
  }
}
