/**
 * Questions and passages that are generated: for measuring a rate where there is no data at hand. They have the length
 * and shape of real ones (passages of about 100 words, answers of a few tokens); their gains mean nothing.
 */
import { generator } from '../../method/random.ts'
import type { Passage } from '../../schemas/passage.ts'

/** A query with its candidates, as a scorer is asked for. */
export interface LabelQuery {
  readonly question: string
  readonly answers: readonly string[]
  readonly passages: readonly Passage[]
}

const words = {
  place:
    'Aldermoor Brentholm Castrel Dunwick Eskerby Farlow Grenhaven Hallstead Ibenau Jorvik Kelmarsh Lindow Marrick Norden Ostrava Pellworm Querfurt Rothbury Selby Tarnow Ulverston Velden Wexcombe Yarrow Zelhem',
  first:
    'Ada Bertram Clara Dmitri Edith Felix Greta Henrik Irene Jonas Karla Leopold Matilda Niels Olga Piet Rosa Silas Thekla Ulrich Vera Wilhelm',
  last: 'Abernathy Brandt Castellan Dorfman Eriksson Falk Grunewald Hartnell Iversen Jansen Kowalski Lindqvist Moreau Novak Okafor Petersen Quist Rademaker Sorensen Thorne Ullman Vandermeer Whitlock',
  thing:
    'bridge library lighthouse mill observatory market harbour theatre canal cathedral hospital school tower museum railway',
  trade: 'engineer merchant bishop surveyor botanist printer schoolmaster brewer clockmaker admiral',
  stuff: 'granite oak copper sandstone brick slate limestone iron',
  event: 'flood fire storm siege drought landslide strike epidemic',
} as const

type Kind = keyof typeof words
const lists = Object.fromEntries(Object.entries(words).map(([kind, text]) => [kind, text.split(' ')])) as Record<
  Kind,
  string[]
>

const sentences = [
  'The {thing} of {place} was planned by the {trade} {first} {last} and finished in {year}.',
  'It stands on foundations of {stuff}, and its upper parts are of {stuff} and {stuff}.',
  'After the {event} of {year} the town council asked {first} {last}, a {trade} from {place}, to rebuild the eastern half.',
  'A report of {year} counts {small} workers, of whom {small} came from {place} and had been trained as {trade}.',
  'Its archive, which survived the {event}, names {first} {last} and {first} {last} as the first keepers.',
  'Today about {small} thousand people see it each year, most of them in the weeks after the feast of {place}.',
]

/** Passages with a fact in common with the question; no two calls with different seeds share a prompt. */
export const generated = (seed: string, queries: number, passages: number, golds: number): LabelQuery[] => {
  const any = generator(seed)
  const one = (kind: Kind) => lists[kind][any(lists[kind].length)]!
  const figure = (name: string) =>
    name === 'year' ? String(1400 + any(600)) : name === 'small' ? String(2 + any(90)) : one(name as Kind)
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (_, name: string) => figure(name))
  const passage = (id: string, title: string): Passage => ({ id, title, text: sentences.map(fill).join(' ') })
  return Array.from({ length: queries }, (_, q) => {
    const title = fill('{thing} of {place}')
    const question = `Who planned the ${title} that was finished in ${figure('year')}, before the ${one('event')} of ${figure('year')}?`
    return {
      question,
      answers: Array.from({ length: golds }, () => fill('{first} {last}')),
      passages: Array.from({ length: passages }, (_, p) => passage(`${q}-${p}`, title)),
    }
  })
}
