import { InvalidArgumentError } from 'commander'
import { writeLines } from '../../adapters/files/index.ts'
import type { Report } from './document.ts'
import { asHtml } from './html.ts'
import { asMarkdown } from './markdown.ts'

const writers: Readonly<Record<string, (report: Report) => string>> = {
  md: asMarkdown,
  html: asHtml,
  json: ({ data }) => JSON.stringify(data, null, 2),
}

const endingOf = (path: string): string => /\.([a-z]+)$/.exec(path)?.[1] ?? ''

/** A flag that names the file of a report: what it is written as follows from its name. */
export const reportFile = (path: string): string => {
  if (endingOf(path) in writers) return path
  throw new InvalidArgumentError('It must end in .md, .html or .json.')
}

/** Written aside and renamed. @throws Fatal where it cannot be written */
export const writeReport = async (path: string, report: Report): Promise<void> =>
  void (await writeLines(path, [writers[endingOf(path)]!(report)]))
