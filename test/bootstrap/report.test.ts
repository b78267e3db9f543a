import { describe, expect, test } from 'vitest'
import { closingLine, skips } from '../../bin/report.js'

const file = (name: string, status: string, ...tests: [status: string, suite: string, title: string][]) => ({
  name: `/root/test/${name}`,
  status,
  message: '',
  assertionResults: tests.map(([status, suite, title]) => ({ status, ancestorTitles: ['', suite], title })),
})

describe('the closing line of npm test', () => {
  const report = {
    testResults: [
      file('a.test.ts', 'failed', ['passed', 'A', 'x'], ['failed', 'A', 'y'], ['todo', 'A', 'z']),
      file(
        'b.test.ts',
        'passed',
        ['skipped', 'B (no data)', 'x'],
        ['pending', 'B (no data)', 'y'],
        ['passed', 'C', 'z'],
      ),
      file('broken.test.ts', 'failed'),
    ],
  }

  test('counts tests, and a file that could not be loaded as a failure', () => {
    expect(closingLine(report)).toBe('2 passed, 2 failed, 3 skipped')
    expect(closingLine({ testResults: [] })).toBe('0 passed, 0 failed, 0 skipped')
  })

  test('comes after a line for each skipped suite, which says why in its title', () => {
    expect(skips(report, '/root')).toEqual([
      'SKIPPED 1 in test/a.test.ts: A',
      'SKIPPED 2 in test/b.test.ts: B (no data)',
    ])
  })
})
