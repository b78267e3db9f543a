/** Runs no test where there is no broker, and writes the reason where the closing lines of `npm test` look for it. */
import { TestRunner, type RunnerTestFile } from 'vitest'

const skipped = (file: RunnerTestFile, reason: string) => {
  for (const task of file.tasks) {
    task.mode = 'skip'
    task.name = `${task.name} SKIPPED: ${reason}`
  }
}

export default class extends TestRunner {
  onCollected(files: RunnerTestFile[]): void {
    const reason = process.env['GAINSTREAM_TEST_WITHOUT']
    if (reason !== undefined) files.forEach((file) => skipped(file, reason))
  }
}
