/** The vLLM server that stands on a machine between commands, beside the broker and the registry. */
import { mkdir } from 'node:fs/promises'
import { Fatal } from '../../runtime/errors.ts'
import { vllmEnvironment, type EnvironmentOptions } from './environment.ts'
import { locked } from './lock.ts'
import { running, stand, type Standing } from './standing.ts'
import { fastestDtype, vllmServer, type Dtype } from './vllm.ts'
import { vllmModel } from './weights.ts'

export interface ServeOptions extends EnvironmentOptions {
  /** Log and record; an absolute path. */
  readonly folder: string
  /** Of those that are undefined, a server that runs may have others than were meant. */
  readonly port?: number | undefined
  readonly model?: string | undefined
  readonly dtype?: Dtype | undefined
  readonly context?: number | undefined
  /** For a server that does not run yet. */
  readonly defaultPort: number
  readonly remedy?: (port: string) => string
  /** Told again and again while it loads the model. */
  readonly onWaiting?: (seconds: number) => void
}

export interface Serving extends Standing {
  /** Folder of the model, with its tokenizer.json. */
  readonly model: string
  readonly dtype: string
  readonly context: number
}

/** What runs, else what was asked for, else what is usual. @throws Fatal where something else runs than was asked for */
const chosen = (what: string, there: string | undefined, asked: string | undefined, usual: string): string => {
  if (there !== undefined && asked !== undefined && there !== asked)
    throw new Fatal(`the vLLM server already runs with ${what} ${there}, not ${asked}: gainstream down stops it`)
  return there ?? asked ?? usual
}

const prepared = async (options: ServeOptions) => ({
  environment: await vllmEnvironment(options),
  usual: await vllmModel(options),
})

/**
 * Starts vLLM with the plugin unless it runs, and waits until it has answered a prompt; it outlives this process.
 * @throws Fatal, Unavailable with a sentence when it cannot be installed, its port is taken, or it does not start
 */
export const serve = async (options: ServeOptions): Promise<Serving> => {
  const { folder, remedy, onWaiting } = options
  const { environment, usual } = await prepared(options)
  await mkdir(folder, { recursive: true })
  return locked(folder, async () => {
    const { ports, settings: there = {} } = running(folder, 'vllm') ?? {}
    const asked = (value: number | undefined) => (value === undefined ? undefined : String(value))
    const port = Number(chosen('port', asked(ports?.['vllm']), asked(options.port), String(options.defaultPort)))
    const model = chosen('model', there['model'], options.model === undefined ? undefined : usual, usual)
    const dtype = chosen('dtype', there['dtype'], options.dtype, fastestDtype()) as Dtype
    const context = Number(chosen('context', there['context'], asked(options.context), '1024'))
    const more = { environment, detached: true, onWaiting, ...(remedy && { remedy }) }
    const standing = await stand(vllmServer({ folder, port, model, dtype, context, ...more }))
    return { ...standing, model, dtype, context }
  })
}
