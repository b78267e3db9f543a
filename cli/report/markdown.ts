import { cellText, type Block, type Cell, type Report, type Table } from './document.ts'
import { markdownText } from './escape.ts'

/** Figures are ours and stay readable as they are; only texts come from outside. */
const cell = (value: Cell): string => (typeof value === 'string' ? markdownText(value) : cellText(value))

const tableOf = ({ head, rows }: Table): string =>
  [head.map(markdownText), head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows.map((row) => row.map(cell))]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')

/** A plot shows what stands in a table, too: here there is only the table. */
const blockOf = (block: Block): string[] => {
  if ('heading' in block) return [`${'#'.repeat(block.level)} ${markdownText(block.heading)}`]
  if ('text' in block) return [markdownText(block.text)]
  if ('list' in block) return [block.list.map((item) => `- ${markdownText(item)}`).join('\n')]
  if ('table' in block) return [tableOf(block.table)]
  return []
}

export const asMarkdown = ({ title, blocks }: Report): string =>
  [`# ${markdownText(title)}`, ...blocks.flatMap(blockOf)].join('\n\n')
