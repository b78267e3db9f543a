import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { encoderModel } from '../../../adapters/models/encoder.ts'
import { once, python, pythonFile, pythonPackages } from '../../../adapters/models/python.ts'
import { encoderFolder, home } from './model.ts'

const scratch = mkdtempSync(join(tmpdir(), 'encoder-model-'))
afterAll(() => rmSync(scratch, { recursive: true }))
afterEach(() => vi.unstubAllEnvs())

test('the packaged encoder is prepared once, and only what is needed to run it is kept', async () => {
  const folder = await encoderFolder()
  expect(readdirSync(folder).toSorted()).toEqual(['encoder.json', 'model.onnx', 'tokenizer.json'])
  const steps: string[] = []
  expect(await encoderModel({ home, onProgress: (what) => void steps.push(what) })).toBe(folder)
  expect(steps).toEqual([])
})

test("a folder of the user's is taken as it is, and a missing or broken one is refused with a sentence", async () => {
  const folder = await encoderFolder()
  expect(await encoderModel({ path: folder, home: scratch })).toBe(folder)
  await expect(encoderModel({ path: join(scratch, 'nowhere'), home: scratch })).rejects.toMatchObject({
    name: 'Fatal',
    message: expect.stringMatching(/nowhere does not exist; it must hold model\.onnx/) as string,
  })
  await expect(encoderModel({ path: scratch, home: scratch })).rejects.toThrow(/encoder\.json cannot be read/)
})

test('without Python the sentence says which is needed, and nothing half-made stays behind', async () => {
  vi.stubEnv('PATH', join(scratch, 'empty'))
  const bare = join(scratch, 'bare')
  await expect(encoderModel({ home: bare })).rejects.toMatchObject({
    name: 'Fatal',
    message: expect.stringMatching(/python3 is not installed; Python 3\.10 or newer with pip/) as string,
  })
  expect(readdirSync(join(bare, 'models'))).toEqual([])
})

test('what is made aside appears whole or not at all, and the first of two wins', async () => {
  const folder = join(scratch, 'made')
  const failing = once(folder, async (aside) => {
    writeFileSync(join(aside, 'half'), '')
    throw new Error('interrupted')
  })
  await expect(failing).rejects.toThrow('interrupted')
  expect(existsSync(folder)).toBe(false)
  const make = (name: string) => once(folder, async (aside) => writeFileSync(join(aside, name), ''))
  await Promise.all([make('one'), make('one')])
  await make('two')
  expect(readdirSync(folder)).toEqual(['one'])
})

test('a model of another kind is refused before anything is written', async () => {
  const packages = await pythonPackages(pythonFile('prepare/requirements.txt'), home)
  const config = join(scratch, 'config.json')
  writeFileSync(config, JSON.stringify({ model_type: 'llama' }))
  const files = { weights: config, config, samples: config, out: scratch }
  const args = Object.entries(files).flatMap(([name, value]) => [`--${name}`, value])
  await expect(python({ args: [pythonFile('prepare/encoder.py'), ...args], packages })).rejects.toThrow(
    "model_type is 'llama'; only 'bert', 'roberta', 'xlm-roberta', 'camembert', 'distilbert', 'mpnet' can be written",
  )
})
