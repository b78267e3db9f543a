/** The trainer's own tests, in the Python that trains. */
import { execFile } from 'node:child_process'
import { expect, test } from 'vitest'
import { pythonFile, pythonPackages } from '../../adapters/models/python.ts'
import { trainerEnvironment } from '../../adapters/trainer/environment.ts'
import { home as homeOf } from '../../cli/config.ts'

const home = homeOf(process.env)

const pytest = async (): Promise<{ code: number | null; said: string }> => {
  const [{ python, env }, packages] = await Promise.all([
    trainerEnvironment({ home }),
    pythonPackages(pythonFile('selector-trainer/tests/requirements.txt'), home),
  ])
  const args = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider']
  const more = { PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1', OMP_WAIT_POLICY: 'PASSIVE' }
  return new Promise((resolve) => {
    const options = {
      cwd: pythonFile('selector-trainer'),
      env: { ...process.env, ...env, ...more },
      maxBuffer: 1 << 26,
    }
    const child = execFile(python, args, options, (_, out, err) =>
      resolve({ code: child.exitCode, said: `${out}\n${err}` }),
    )
  })
}

test("the trainer's own tests pass", { timeout: 900_000 }, async () => {
  const { code, said } = await pytest()
  expect(said).toMatch(/\b\d{2} passed/)
  expect(code, said).toBe(0)
})
