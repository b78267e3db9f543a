/** A question and a passage as a cross-encoder reads them. */
import type { Choice } from '../../../method/ports.ts'
import type { CrossEncoder } from '../../../method/selector.ts'

/** Query and passage. */
export type Pair = readonly [query: string, passage: string]

const places = /\{(question|title|text)\}/g

/** What stands in a text in braces is not looked at again. */
export const pairOf = (
  { query, passage }: CrossEncoder['pair'],
  question: string,
  { title, text }: Pick<Choice, 'title' | 'text'>,
): Pair => {
  const values: Readonly<Record<string, string>> = { question, title, text }
  const written = (template: string) => template.replace(places, (_, place: string) => values[place]!)
  return [written(query), written(passage)]
}

/**
 * About how many tokens a text has: four letters of a Latin word are one, and so is any letter of another script. It
 * decides which pairs are run together, and nothing of what comes out.
 */
export const tokensAbout = (text: string): number => {
  const others = text.match(/\P{ASCII}/gu)?.length ?? 0
  return Math.ceil((text.length - others) / 4 + others)
}
