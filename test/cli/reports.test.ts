import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { compareReport } from '../../cli/compare/document.ts'
import { compareOutcomes, type Compare } from '../../cli/compare/comparison.ts'
import type { Outcome, Outcomes } from '../../cli/compare/outcomes.ts'
import { cellText, type Figure, type Report } from '../../cli/report/document.ts'
import { asHtml } from '../../cli/report/html.ts'
import { asMarkdown } from '../../cli/report/markdown.ts'
import { reportFile, writeReport } from '../../cli/report/write.ts'
import { folder } from './command.ts'

const here = folder()
afterAll(here.remove)

/** Texts that want to be more than text. */
const hostile = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(2)>',
  "'><svg/onload=alert(3)>",
  '</title></style></table><iframe src="https://example.org"></iframe>',
  '[click](javascript:alert(4)) ![](https://example.org/p.png) @everyone',
  'a | b\n| c |\n# heading `code`',
  '&lt;b&gt; \u202ereversed\u0000\u001b[31m',
]

const outcomes = (stream: string, grade: (i: number) => number): Outcomes => ({
  ...{ stream, run: 'r' },
  ...{ selectors: [{ name: hostile[0]!, sha256: '' }] },
  readers: [{ model: hostile[1]!, revision: '', dtype: '', server: '', runner: '', plugin: '', prompt: hostile[2]! }],
  queries: new Map(
    hostile.map((text, i): [string, Outcome] => [
      `q${i}${text}`,
      {
        ...{ id: `q${i}${text}`, dataset: i % 2 === 0 ? 'nq' : text, question: text, prediction: text },
        chosen: { id: text, title: text, source: text, rank: 1 },
        grades: { f1: grade(i), boundary_em: grade(i) > 0.5 ? 1 : 0, hit: i % 2 },
      },
    ]),
  ),
})

const comparison = (): Compare =>
  compareOutcomes(
    { outcomes: outcomes(hostile[3]!, (i) => i / 7), origins: [] },
    { outcomes: outcomes(hostile[4]!, (i) => (i % 3) / 3), origins: [] },
    [...hostile],
    20,
  )
const report = (): Report => ({ ...compareReport(comparison()), title: hostile[3]! })

/** Tags, and attributes of them, in the order in which a browser would see them. */
const tagsOf = (html: string) => [...html.matchAll(/<([a-z0-9!/]+)([^>]*)>/gi)].map(([, name = '', rest = '']) => ({ name, rest })) // prettier-ignore

describe('a report', () => {
  test('in HTML says what a hostile text says and becomes nothing of it', () => {
    const html = asHtml(report())
    const ours =
      /^(?:!doctype|\/?(?:html|head|meta|title|style|body|h1|h2|p|ul|li|table|thead|tbody|tr|th|td|data|small|svg|text|line|circle))$/
    expect(tagsOf(html).filter(({ name }) => !ours.test(name))).toEqual([])
    expect(tagsOf(html).filter(({ rest }) => /\son\w+\s*=|src\s*=|href|javascript:/i.test(rest))).toEqual([])
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    for (const unseen of ['\u0000', '\u001b', '\u202e']) expect(html).not.toContain(unseen)
    expect(html.match(/<title>/g)).toHaveLength(1)
    expect(html.match(/<\/style>/g)).toHaveLength(1)
  })

  test('fetches nothing and runs nothing, and tells the browser so', () => {
    const html = asHtml(report())
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`)
    expect(html).not.toMatch(/<(?:script|link|img|iframe|object|embed)|@import|url\(/i)
    expect(html).toMatch(/<svg viewBox/)
  })

  test('in Markdown keeps every text in its cell, without markup, mention or link', () => {
    const markdown = asMarkdown(report())
    expect(markdown).not.toMatch(/<\/?[a-z]/i)
    expect(markdown).not.toMatch(/\]\(|https?:\/\/|[^&]@|\]\[/)
    const lines = markdown.split('\n')
    const columns = (line: string) => line.split('|').length
    const starts = lines.flatMap((line, i) => (line.startsWith('| ---') ? [i] : []))
    expect(starts.length).toBe(2)
    for (const at of starts)
      for (let i = at; lines[i]?.startsWith('|'); i++) expect(columns(lines[i]!)).toBe(columns(lines[at]!))
    expect(lines.filter((line) => line.startsWith('#')).length).toBe(4)
  })

  test('shows the very figures that --json says, to the last digit in HTML', () => {
    const result = comparison()
    const html = asHtml(compareReport(result))
    const said = [...html.matchAll(/<data value="([^"]+)">/g)].map(([, value]) => Number(value))
    const { micro, macro, datasets } = result.figures.f1!
    for (const scope of [micro, macro, ...Object.values(datasets)])
      for (const value of [scope.a, scope.b, scope.difference.mean, ...scope.difference.interval])
        expect(said).toContain(value)
    const shown: Figure = { value: micro.difference.mean, low: micro.difference.interval[0]!, high: micro.difference.interval[1]!, signed: true } // prettier-ignore
    expect(asMarkdown(compareReport(result))).toContain(cellText(shown))
  })

  test('is written as what its name says, and no other name is taken', async () => {
    const written = async (name: string) => {
      await writeReport(join(here.path, name), report())
      return readFileSync(join(here.path, name), 'utf8')
    }
    expect(await written('a.html')).toMatch(/^<!doctype html>/)
    expect(await written('a.md')).toMatch(/^# /)
    expect(JSON.parse(await written('a.json'))).toEqual(JSON.parse(JSON.stringify(comparison())))
    expect(() => reportFile('a.pdf')).toThrow('It must end in .md, .html or .json.')
  })
})
