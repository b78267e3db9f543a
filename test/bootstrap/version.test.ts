import { expect, test } from 'vitest'
import { refusal, runsProject } from '../../bin/bootstrap/version.js'

test.each(['0.12.18', '14.21.3', '18.20.4', '19.9.0'])(
  'Node %s is refused in one sentence that says what to do',
  (version) => {
    expect(refusal(version, '/usr/bin/node')).toBe(
      `gainstream needs Node 20 or newer to start, and /usr/bin/node is Node ${version}: install Node 24 and run the command again.`,
    )
  },
)

test.each([
  ['20.0.0', false],
  ['22.12.0', false],
  ['24.0.0', true],
  ['26.1.0', true],
])('Node %s may start, and runs the project itself: %s', (version, runs) => {
  expect(refusal(version, '/usr/bin/node')).toBeUndefined()
  expect(runsProject(version)).toBe(runs)
})
