/** The plugin's own tests, in the Python that serves it: torch and vLLM are there. */
import { execFile } from 'node:child_process'
import { delimiter } from 'node:path'
import { expect, test } from 'vitest'
import { pythonFile, pythonPackages } from '../../adapters/models/python.ts'
import { vllmEnvironment } from '../../adapters/stack/index.ts'
import { home as homeOf } from '../../cli/config.ts'

const home = homeOf(process.env)

/** What pytest says, and how it ends; it is not thrown, because what it says is what one wants to read. */
const pytest = async (): Promise<{ code: number | null; said: string }> => {
  const [{ python, env }, packages] = await Promise.all([
    vllmEnvironment({ home }),
    pythonPackages(pythonFile('gain-logits/tests/requirements.txt'), home),
  ])
  const path = [packages, process.env['PYTHONPATH']].filter(Boolean).join(delimiter)
  return new Promise((resolve) => {
    const child = execFile(
      python,
      ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-W', 'ignore::DeprecationWarning'],
      {
        cwd: pythonFile('gain-logits'),
        env: { ...process.env, ...env, PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: '1' },
        maxBuffer: 1 << 26,
      },
      (_, out, err) => resolve({ code: child.exitCode, said: `${out}\n${err}` }),
    )
  })
}

test('the tests of the plugin pass, those that need vLLM too', { timeout: 600_000 }, async () => {
  const { code, said } = await pytest()
  expect(said).toMatch(/\b\d{3} passed/)
  expect(said).not.toMatch(/(torch|vLLM) is not installed/)
  expect(code, said).toBe(0)
})
