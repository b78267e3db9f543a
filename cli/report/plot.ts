/** Means with intervals as inline SVG: no script, no font and no colour from elsewhere. */
import { cellText, written, type Plot } from './document.ts'
import { escaped } from './escape.ts'

const [left, right, row, top] = [240, 150, 24, 34]
const width = 760
const inner = width - left - right

/** Round steps of which four to eight cover the span. */
const stepOf = (span: number): number => {
  const power = 10 ** Math.floor(Math.log10(span / 4))
  return [10, 5, 2, 1].map((times) => times * power).find((step) => span / step >= 4) ?? power
}

/** From a round number to a round number; a plot of differences shows zero. */
const axisOf = ({ rows }: Plot): { from: number; to: number; ticks: number[] } => {
  const ends = rows.flatMap(({ figure: { value, low = value, high = value } }) => [low, high, value])
  const signed = rows.some(({ figure }) => figure.signed)
  const [least, most] = [Math.min(...ends, ...(signed ? [0] : [])), Math.max(...ends, ...(signed ? [0] : []))]
  const step = stepOf(Math.max(most - least, 1))
  const [from, to] = [Math.floor(least / step) * step, Math.ceil(most / step) * step]
  const until = to > from ? to : from + step
  const ticks = Array.from({ length: Math.round((until - from) / step) + 1 }, (_, i) => from + i * step)
  return { from, to: until, ticks }
}

const short = (label: string) => (label.length > 34 ? `${label.slice(0, 33)}…` : label)

export const svgOf = (plot: Plot): string => {
  const { title, rows } = plot
  if (rows.length === 0) return ''
  const { from, to, ticks } = axisOf(plot)
  const x = (value: number) => (left + ((value - from) / (to - from)) * inner).toFixed(1)
  const bottom = top + rows.length * row
  const grid = ticks.map((tick) => {
    const line = `<line class="${tick === 0 ? 'zero' : 'grid'}" x1="${x(tick)}" y1="${top}" x2="${x(tick)}" y2="${bottom}"/>`
    return `${line}<text class="tick" x="${x(tick)}" y="${bottom + 16}">${tick % 1 === 0 ? tick : written(tick)}</text>`
  })
  const marks = rows.map(({ label, figure }, i) => {
    const y = top + i * row + row / 2
    const { value, low = value, high = value } = figure
    return [
      `<text class="label" x="${left - 10}" y="${y + 4}">${escaped(short(label))}</text>`,
      `<line class="interval" x1="${x(low)}" y1="${y}" x2="${x(high)}" y2="${y}"/>`,
      `<circle class="mean" cx="${x(value)}" cy="${y}" r="4"/>`,
      `<text class="figure" x="${width - right + 10}" y="${y + 4}">${escaped(cellText(figure))}</text>`,
    ].join('')
  })
  return [
    `<svg viewBox="0 0 ${width} ${bottom + 24}" role="img" aria-label="${escaped(title)}">`,
    `<text class="title" x="${left}" y="20">${escaped(title)}</text>`,
    ...grid,
    ...marks,
    '</svg>',
  ].join('\n')
}
