import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { encoderFolder } from './model.ts'

const adapter = fileURLToPath(new URL('../../../adapters/onnx/index.ts', import.meta.url))

test('the encoder leaves no identifier and no report of its use behind', async () => {
  const home = mkdtempSync(join(tmpdir(), 'reports-'))
  const script = join(home, 'embed.ts')
  writeFileSync(
    script,
    `import { openEmbedder } from ${JSON.stringify(adapter)}
     const embedder = await openEmbedder({ folder: ${JSON.stringify(await encoderFolder())}, threads: 1 })
     const [vector] = await embedder.embed(['a lighthouse'], 'query', new AbortController().signal)
     await embedder.close()
     console.log(vector.length)`,
  )
  // Without CI in the environment: there onnxruntime is silent anyway.
  const env = { PATH: process.env.PATH, HOME: home, TMPDIR: home }
  const { stdout, stderr } = spawnSync(process.execPath, [script], { env, encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(stdout.trim()).toBe('384')
  expect(readdirSync(home)).toEqual(['embed.ts'])
  expect(existsSync(join(home, '.cache'))).toBe(false)
  rmSync(home, { recursive: true })
})
