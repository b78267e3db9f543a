/** A real vLLM server to strike. */
import { mkdirSync } from 'node:fs'
import { vllmEnvironment, vllmModel, vllmServer, type Vllm } from '../../../adapters/stack/index.ts'
import { home as homeOf } from '../../../cli/config.ts'
import { pause } from '../../../runtime/wait.ts'
import { simulatedServer, watched } from '../../vllm/fleet.ts'
import { faults } from '../../vllm/faults.ts'
import type { Supply, Target } from './ground.ts'
import { proxy } from './proxy.ts'

/** The server itself, with nothing between. */
const bare = (vllm: Vllm): Target => ({
  ...{ url: vllm.url, seen: { connections: NaN, requests: NaN, completions: NaN }, deaths: 0 },
  get pid() {
    return vllm.pid
  },
  send: (signal) => vllm.kill(signal),
  async kill() {
    vllm.kill('SIGKILL')
    while (vllm.pid !== undefined) await pause(20)
  },
  start: () => vllm.start(),
  set: () => Promise.reject(new Error('nothing stands between the fleet and this server')),
  faults: () => Promise.resolve(faults({}, () => {}).state),
})

/**
 * One server, and as many addresses of it as are asked for: with two, one process plays both replicas. It is left
 * running between faults.
 */
export const real = async (folder: string, port: number): Promise<Supply & { stop(): Promise<void> }> => {
  const home = homeOf(process.env)
  mkdirSync(folder, { recursive: true })
  const place = { folder, environment: await vllmEnvironment({ home }), model: await vllmModel({ home }), port }
  const vllm = vllmServer({ ...place, dtype: 'bfloat16' })
  const spelt = async (word: string) => {
    await vllm.start()
    const body = JSON.stringify({ prompt: ` ${word}`, add_special_tokens: false })
    const headers = { 'content-type': 'application/json' }
    const reply = await fetch(`${vllm.url}/tokenize`, { method: 'POST', headers, body })
    return ((await reply.json()) as { tokens: number[] }).tokens
  }
  const between = async (first: Parameters<typeof proxy>[0]['faults'], supervised: boolean): Promise<Target> => {
    let [deaths, reviving] = [0, false]
    const revive = async () => {
      if (reviving || !supervised) return
      reviving = true
      while (vllm.pid !== undefined) await pause(20)
      await vllm.start().finally(() => (reviving = false))
    }
    const onDeath = () => {
      deaths++
      vllm.kill('SIGKILL')
      void revive()
    }
    const own = await proxy({ upstream: vllm.url, ...(first && { faults: first }), onDeath })
    // One that is only slow, on a busy machine, is no supervisor's business: it looks when nothing is answered any more.
    let deaf = false
    const listening = setInterval(() => void own.faults().then((state) => (deaf = state.deaf)), 200).unref()
    const url = () => (supervised && deaf && !reviving ? own.url : undefined)
    const unwatch = watched(url, () => {
      void own.set({ deaf: false })
      onDeath()
    })
    return {
      ...own,
      get deaths() {
        return deaths
      },
      pid: undefined,
      send: (signal) => vllm.kill(signal),
      kill: async () => {
        clearInterval(listening)
        unwatch()
        await own.close()
      },
      start: () => Promise.reject(new Error('an address that is gone does not come back')),
    }
  }
  return {
    ...{ kind: 'real', timeout: 120_000, comeback: 900_000, passageTokens: 60, spelt },
    async open(count, { faults: first, supervised = false } = {}, direct) {
      await vllm.start()
      if (direct) return [bare(vllm)]
      return Promise.all(Array.from({ length: count }, () => between(first, supervised)))
    },
    stranger: () => simulatedServer({ plugin: false }),
    stop: async () => void (await vllm.stop()),
  }
}
