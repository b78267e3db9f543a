import { written, type Block, type Cell, type Report, type Table } from './document.ts'
import { escaped } from './escape.ts'
import { svgOf } from './plot.ts'

/** Nothing is fetched and nothing runs, whatever a text says: the browser is told so, too. */
const policy = "default-src 'none'; style-src 'unsafe-inline'"

const style = `
:root { color-scheme: light dark; --ink: #1c2330; --soft: #667085; --line: #d5dae3; --mark: #2457a7; --paper: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #3a4352; --mark: #8ab4f8; --paper: #14181f } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .7rem; text-align: left; vertical-align: top; overflow-wrap: anywhere }
td.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
small { color: var(--soft) }
svg { width: 100%; max-width: 760px; height: auto; margin: .5rem 0; font: 12px system-ui, sans-serif; display: block }
svg text { fill: var(--ink) } svg .title { font-weight: 600 } svg .label { text-anchor: end } svg .tick { text-anchor: middle; fill: var(--soft) }
svg .grid { stroke: var(--line) } svg .zero { stroke: var(--soft); stroke-dasharray: 4 3 }
svg .interval { stroke: var(--mark); stroke-width: 2 } svg .mean { fill: var(--mark) }`

/** The number as it is meant stands beside what people are shown. */
const data = (value: number, signed: boolean | undefined) => `<data value="${value}">${written(value, signed)}</data>`

const cellOf = (cell: Cell): string => {
  if (cell === null) return '<td class="n">-</td>'
  if (typeof cell === 'string') return `<td>${escaped(cell)}</td>`
  if (typeof cell === 'number') return `<td class="n"><data value="${cell}">${cell}</data></td>`
  const { value, low, high, signed } = cell
  const interval =
    low === undefined || high === undefined ? '' : ` <small>[${data(low, signed)}, ${data(high, signed)}]</small>`
  return `<td class="n">${data(value, signed)}${interval}</td>`
}

const tableOf = ({ head, rows }: Table): string =>
  [
    '<table>',
    `<thead><tr>${head.map((name) => `<th>${escaped(name)}</th>`).join('')}</tr></thead>`,
    '<tbody>',
    ...rows.map((row) => `<tr>${row.map(cellOf).join('')}</tr>`),
    '</tbody></table>',
  ].join('\n')

const blockOf = (block: Block): string => {
  if ('heading' in block) return `<h${block.level}>${escaped(block.heading)}</h${block.level}>`
  if ('text' in block) return `<p>${escaped(block.text)}</p>`
  if ('list' in block) return `<ul>${block.list.map((item) => `<li>${escaped(item)}</li>`).join('')}</ul>`
  return 'table' in block ? tableOf(block.table) : svgOf(block.plot)
}

/** One file that needs nothing beside it. */
export const asHtml = ({ title, blocks }: Report): string =>
  [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escaped(title)}</title>`,
    `<style>${style}</style></head><body>`,
    `<h1>${escaped(title)}</h1>`,
    ...blocks.map(blockOf),
    '</body></html>',
  ].join('\n')
