/** The trainer's own tests, in the Python that trains. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import { once, pythonFile, pythonPackages } from '../../adapters/models/python.ts'
import { trainerEnvironment } from '../../adapters/trainer/environment.ts'
import { program } from '../../adapters/stack/program.ts'
import { home as homeOf } from '../../cli/config.ts'

const home = homeOf(process.env)

/** Other trainers without what they depend on: torch and Transformers are those of the environment. */
const otherTrainers = async (python: string): Promise<string> => {
  const requirements = pythonFile('selector-trainer/tests/interchange.txt')
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const folder = join(home, 'python', `trainers-${hash}`)
  await once(folder, async (aside) => {
    const install = ['--no-deps', '--only-binary', ':all:', '--no-compile', '--target', aside]
    const pip = ['-m', 'pip', '--python', python, '--disable-pip-version-check', 'install', '--quiet', ...install]
    await program({ command: 'python3', args: [...pip, '--requirement', requirements], env: process.env })
  })
  return folder
}

const pytest = async (): Promise<{ code: number | null; said: string }> => {
  const [{ python, env }, packages] = await Promise.all([
    trainerEnvironment({ home }),
    pythonPackages(pythonFile('selector-trainer/tests/requirements.txt'), home),
  ])
  const others = await otherTrainers(python)
  const args = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider']
  const more = {
    PYTHONPATH: [packages, others].join(delimiter),
    PYTHONDONTWRITEBYTECODE: '1',
    OMP_WAIT_POLICY: 'PASSIVE',
  }
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
  expect(said).not.toMatch(/skipped/)
  expect(code, said).toBe(0)
})
