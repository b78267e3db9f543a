/** A reader's weights as vLLM wants them: a folder of safetensors, made once out of the packaged model or the user's. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { Fatal, Unavailable } from '../../runtime/errors.ts'
import { once, pythonFile } from '../models/python.ts'
import { packaged, sha256, unpackReader } from '../models/packaged.ts'
import { vllmEnvironment, type EnvironmentOptions } from './environment.ts'
import { program } from './program.ts'

export interface VllmModelOptions extends EnvironmentOptions {
  /** A folder of safetensors, or the name of a model on the hub (`organisation/model`); default: the packaged model. */
  readonly model?: string | null | undefined
}

/** What was made, so that it is known again: whose size and time are as they were is not read again. */
const Made = z.object({
  files: z.record(z.string(), z.object({ bytes: z.int(), modified: z.number(), sha256: z.string().length(64) })),
})
type Made = z.infer<typeof Made>

const record = 'files.json'

const look = async (folder: string, name: string, known?: Made['files'][string]) => {
  const { size: bytes, mtimeMs: modified } = statSync(join(folder, name))
  if (known && known.bytes === bytes && known.modified === modified) return known
  return { bytes, modified, sha256: await sha256(join(folder, name)) }
}

const write = (folder: string, made: Made) => writeFile(join(folder, record), `${JSON.stringify(made, null, 2)}\n`)

/** Writes down what is in a folder. */
export const recordModel = async (folder: string): Promise<void> => {
  const names = (await readdir(folder)).filter((name) => name !== record).sort()
  await write(folder, {
    files: Object.fromEntries(await Promise.all(names.map(async (name) => [name, await look(folder, name)] as const))),
  })
}

const readMade = (folder: string): Made | undefined => {
  try {
    return Made.parse(JSON.parse(readFileSync(join(folder, record), 'utf8')))
  } catch {
    return undefined // it is not there, or holds something else
  }
}

/** Is everything in the folder as it was made? @throws Fatal that names the first file that is not */
export const checkModel = async (folder: string): Promise<void> => {
  const made = readMade(folder)
  const refuse = (what: string) =>
    new Fatal(`the model in ${folder} is not what was prepared: ${what}; delete the folder, and it is prepared again`)
  if (!made) throw refuse(`its ${record} cannot be read`)
  const files: Made['files'] = {}
  for (const [name, known] of Object.entries(made.files)) {
    if (!existsSync(join(folder, name))) throw refuse(`${name} is missing`)
    const found = (files[name] = await look(folder, name, known))
    if (found.sha256 !== known.sha256) throw refuse(`the sha256 of ${name} differs`)
  }
  if (JSON.stringify(files) !== JSON.stringify(made.files)) await write(folder, { files }) // copied, or touched
}

const convert = async (folder: string, options: VllmModelOptions) => {
  const step = (done: number) => options.onProgress?.(`converting the reader ${packaged.name} for vLLM, step`, done, 3)
  const { python, env } = await vllmEnvironment(options)
  step(0)
  const work = join(folder, 'work')
  await mkdir(work)
  const source = await unpackReader(work)
  step(1)
  await program({
    ...{ command: python, args: [pythonFile('serve/convert.py'), source, folder] },
    env: { ...process.env, ...env },
  })
  step(2)
  await rm(work, { recursive: true })
  await recordModel(folder)
  step(3)
}

const download = async (name: string, folder: string, options: VllmModelOptions) => {
  const { python, env } = await vllmEnvironment(options)
  options.onProgress?.(`fetching ${name}`, 0)
  const script =
    'import sys; from huggingface_hub import snapshot_download; ' +
    'snapshot_download(sys.argv[1], local_dir=sys.argv[2], allow_patterns=["*.json", "*.safetensors", "*.jinja", "*.model"])'
  const online = { ...process.env, ...env, HF_HUB_OFFLINE: '0' }
  await program({ command: python, args: ['-c', script, name, folder], env: online }).catch((error: Error) => {
    throw new Unavailable(`the model ${name} cannot be fetched (${error.message}); is there a network?`, {
      cause: error,
    })
  })
  await rm(join(folder, '.cache'), { recursive: true, force: true })
  await recordModel(folder)
}

const hubName = /^[\w-][\w.-]*\/[\w-][\w.-]*$/

const given = (path: string): string => {
  const folder = resolve(path)
  if (!existsSync(folder))
    throw new Fatal(
      `the model ${path} does not exist: name a folder with config.json and safetensors, or a model of the hub (organisation/model)`,
    )
  if (!existsSync(join(folder, 'config.json')))
    throw new Fatal(`the model ${path} has no config.json: name a folder as Transformers writes it, with safetensors`)
  return folder
}

/**
 * Folder of the model, checked against what was written down when it was made; one of the user's is taken as it is.
 * @throws Fatal, Unavailable with a sentence
 */
export const vllmModel = async (options: VllmModelOptions): Promise<string> => {
  const { home, model } = options
  const all = join(home, 'models', 'safetensors')
  if (model && (existsSync(model) || !hubName.test(model))) return given(model)
  const folder = join(all, model?.replace('/', '--') ?? packaged.name)
  await once(folder, (aside) => (model ? download(model, aside, options) : convert(aside, options)))
  await checkModel(folder)
  return folder
}
