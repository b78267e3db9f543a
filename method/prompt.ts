import { createHash } from 'node:crypto'
import type { Passage } from '../schemas/passage.ts'

/**
 * The wording of a prompt. `user` holds `{question}` and, for answering, `{evidence}`; the evidence block is one
 * `passage` line per passage (`{title}`, `{text}`), and vanishes with its surrounding blank lines when there is none: the prompt without a
 * passage is the same template with the block removed.
 */
export interface PromptTemplate {
  readonly system: string
  readonly user: string
  readonly passage: string
}

export interface Prompt {
  readonly system: string
  readonly user: string
}

/**
 * The project's own wording, question first: what all passages of a query share stands at the front of the prompt and
 * is evaluated once.
 */
export const answering: PromptTemplate = {
  system: 'You answer questions with as few words as possible.',
  user: 'Question: {question}\n\n{evidence}\n\nGive only the answer, a name, date, number or short phrase.',
  passage: '{title}\n{text}',
}

/** Asks for background from the question alone; `N/A` where the reader is unsure. */
export const imagining: PromptTemplate = {
  system: 'You write short background passages in the style of an encyclopedia.',
  user:
    'Write one passage of about 100 words with the facts that answer this question: {question}\n' +
    'If you do not know them, write only N/A.',
  passage: '{title}\n{text}',
}

const fill = (pattern: string, values: Readonly<Record<string, string>>) =>
  pattern.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? values[name]! : whole))

/** The prompt as it is asked, before the model's chat template is applied. */
export const render = (template: PromptTemplate, question: string, passages: readonly Passage[]): Prompt => {
  const evidence = passages
    .map(({ title, text }) => fill(template.passage, { title, text }).replace(/^\n+/, ''))
    .join('\n\n')
  const user = evidence === '' ? template.user.replace(/^\{evidence\}\n*|\n*\{evidence\}/, '') : template.user
  return { system: template.system, user: fill(user, { question, evidence }) }
}

/** How a passage is embedded and indexed: title, blank, text. */
export const passageText = ({ title, text }: Pick<Passage, 'title' | 'text'>): string =>
  title === '' ? text : `${title} ${text}`

/** Identifies the wording in every record that an LLM had a part in: 16 hexadecimal digits. */
export const promptHash = ({ system, user, passage }: PromptTemplate): string =>
  createHash('sha256')
    .update(JSON.stringify([system, user, passage]))
    .digest('hex')
    .slice(0, 16)
