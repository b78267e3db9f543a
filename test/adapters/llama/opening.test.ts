import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openLlama } from '../../../adapters/llama/index.ts'
import { Fatal, Unavailable } from '../../../runtime/errors.ts'
import { request } from '../../contracts/scorer.ts'
import { readerFile } from './model.ts'

const folder = mkdtempSync(join(tmpdir(), 'reader-'))
afterAll(() => rmSync(folder, { recursive: true }))

const refused = async (modelPath: string) => {
  const error: unknown = await openLlama({ modelPath, threads: 1 }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(Fatal)
  expect((error as Fatal).message).toContain(modelPath)
  expect((error as Fatal).message.trim().split('\n').length).toBe(1)
}

test('a model path that does not exist, is a folder or is no GGUF file is refused in one sentence that names it', async () => {
  await refused(join(folder, 'missing.gguf'))
  await refused(folder)
  const text = join(folder, 'text.gguf')
  writeFileSync(text, 'not a model')
  await refused(text)
  const cut = join(folder, 'cut.gguf')
  writeFileSync(cut, 'GGUF\x03\x00\x00\x00')
  await refused(cut)
})

test('what is under way when the reader is closed ends as unavailable', async () => {
  const { scorer, close } = await openLlama({
    modelPath: await readerFile(),
    threads: 1,
    sequences: 2,
    contextSize: 512,
  })
  const scoring = scorer.score(request(), new AbortController().signal).catch((reason: unknown) => reason)
  await new Promise((resolve) => setTimeout(resolve, 100))
  await close()
  expect(await scoring).toBeInstanceOf(Unavailable)
})
