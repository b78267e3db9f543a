/** Encoders with random weights, made by Transformers. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { exportEncoder, type ExportOptions } from '../../../adapters/models/export.ts'
import { python } from '../../../adapters/models/python.ts'
import { vllmEnvironment } from '../../../adapters/stack/index.ts'
import { encoderFolder, home } from '../onnx/model.ts'

const script = join(import.meta.dirname, 'original.py')

export const workshop = () => {
  const folder = mkdtempSync(join(tmpdir(), 'original-'))
  return {
    folder,
    remove: () => rmSync(folder, { recursive: true, force: true }),
    /** @returns the folder of a model of this kind. */
    async make(name: string, kind: string, ...flags: string[]): Promise<string> {
      const environment = await vllmEnvironment({ home })
      const to = join(folder, name)
      await python({ args: [script, kind, join(await encoderFolder(), 'tokenizer.json'), to, ...flags], environment })
      return to
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
