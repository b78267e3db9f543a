/** The Python trainer as a process: what it says line by line, and what it leaves. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { Fatal } from '../../runtime/errors.ts'
import { pythonFile } from '../models/python.ts'
import type { VllmEnvironment } from '../stack/environment.ts'
import type { TrainerOptions } from './options.ts'
import type { TrainingProgress } from './train.ts'

const Said = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('training'), step: z.int(), steps: z.int(), loss: z.number(), rate: z.number(), left: z.number() }), // prettier-ignore
  z.object({ kind: z.literal('evaluation'), step: z.int(), gain: z.number(), best: z.boolean() }),
  z.object({ kind: z.literal('alarm'), words: z.string() }),
  z.object({ kind: z.literal('resumed'), step: z.int() }),
])

export interface RunRequest {
  readonly environment: VllmEnvironment
  readonly material: string
  readonly work: string
  readonly base: string
  readonly options: Partial<TrainerOptions>
  readonly anew: boolean
  readonly signal: AbortSignal
  readonly onProgress: ((progress: TrainingProgress) => void) | undefined
}

/** What the program is told. */
export const trainerArguments = ({ material, work, base, options, anew }: RunRequest): string[] => {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const told = given.flatMap(([name, value]) => [`--${name}`, String(value)])
  const module = ['-m', 'selector_trainer', '--events', 'true', '--material', material, '--out', work, '--base', base]
  return [...module, ...told, ...(anew ? ['--overwrite', 'true'] : [])]
}

const heard = (line: string, onProgress: RunRequest['onProgress']) => {
  let said: unknown
  try {
    said = JSON.parse(line)
  } catch {
    return // a library's own words
  }
  const found = Said.safeParse(said)
  if (!found.success) return
  if (found.data.kind !== 'resumed') return onProgress?.(found.data)
  onProgress?.({
    kind: 'step',
    what: 'going on from a checkpoint, step',
    done: found.data.step,
    total: found.data.step,
  })
}

const own = /^selector-trainer: (.*)$/m
const complaint = (said: string) => said.trim().split('\n').at(-1)?.slice(0, 300) || 'it ended without a word'

/** Ends with the process. @throws Fatal with what it refused, or complained of */
export const runTrainer = async (request: RunRequest): Promise<void> => {
  const { environment, signal, onProgress } = request
  const env = {
    ...{ ...process.env, ...environment.env, PYTHONPATH: pythonFile('selector-trainer/src') },
    // A name on the hub is fetched; idle threads would take the cores of those that work.
    ...{ HF_HUB_OFFLINE: '0', OMP_WAIT_POLICY: 'PASSIVE', PYTHONDONTWRITEBYTECODE: '1' },
  }
  const child = spawn(environment.python, trainerArguments(request), { env, stdio: ['ignore', 'pipe', 'pipe'], signal })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-16_000)))
  createInterface(child.stdout).on('line', (line) => heard(line, onProgress))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', (error) => (signal.aborted ? undefined : reject(error)))
    child.on('close', resolve)
  })
  signal.throwIfAborted()
  if (code !== 0) throw new Fatal(own.exec(said)?.[1] ?? `the training ended with an error: ${complaint(said)}`)
}
