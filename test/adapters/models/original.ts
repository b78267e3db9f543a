/** Encoders with random weights, made by Transformers. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { exportEncoder, type ExportOptions } from '../../../adapters/models/export.ts'
import { python } from '../../../adapters/models/python.ts'
import { vllmEnvironment } from '../../../adapters/stack/index.ts'
import { encoderFolder, home } from '../onnx/model.ts'

export interface Original {
  readonly name: string
  /** A model_type of Transformers. */
  readonly kind: string
  readonly layers?: number
  readonly hidden?: number
  readonly heads?: number
  /** Its weights are a pickle. */
  readonly pickle?: boolean
}

const script = join(import.meta.dirname, 'original.py')

export const workshop = () => {
  const folder = mkdtempSync(join(tmpdir(), 'original-'))
  return {
    folder,
    remove: () => rmSync(folder, { recursive: true, force: true }),
    /** All at once, because Transformers takes long to load. @returns their folders, by name */
    async make(wanted: readonly Original[]): Promise<(name: string) => string> {
      const tokenizer = join(await encoderFolder(), 'tokenizer.json')
      const args = [script, tokenizer, folder, JSON.stringify(wanted)]
      await python({ args, environment: await vllmEnvironment({ home }) })
      return (name) => join(folder, name)
    },
    /** Files as sentence-transformers has them. */
    describe(model: string, files: Readonly<Record<string, unknown>>) {
      for (const [name, value] of Object.entries(files)) {
        mkdirSync(dirname(join(model, name)), { recursive: true })
        writeFileSync(join(model, name), JSON.stringify(value))
      }
    },
    export: (source: string, options: Partial<ExportOptions> = {}) =>
      exportEncoder({
        ...{ source, to: `${source}-exported`, precision: 'fp32', home, signal: new AbortController().signal },
        ...options,
      }),
  }
}
