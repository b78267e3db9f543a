import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, test } from 'vitest'
import { readConfig } from '../../cli/config.ts'
import { loggerOf } from '../../cli/observing.ts'
import { models } from '../../cli/world.ts'
import { unobserved } from '../../runtime/observe.ts'
import { request } from '../contracts/scorer.ts'
import { folder } from './command.ts'

const here = folder()
afterAll(here.remove)

test('what the reader warns of reaches whoever sits at the terminal', async () => {
  const lines: string[] = []
  const screen = { tty: true, write: (text: string) => void lines.push(text) }
  const config = readConfig({ env: {}, flags: { data: here.path }, set: ['reader.threads=1', 'reader.sequences=1'] })
  const { reader, closeAll } = models(config, screen, process.env)
  const { scorer } = await reader({ ...unobserved, logger: loggerOf(config, screen) })
  const other = new DatabaseSync(join(here.path, 'scores.sqlite'))
  other.exec('BEGIN IMMEDIATE')
  await scorer.score(request(), new AbortController().signal)
  other.close()
  await closeAll()
  expect(lines.filter((line) => line.includes('warn:')).join('')).toContain('the score cache cannot be written')
})
