/** The datasets of the paper as their makers publish them, and samples of whatever file a user has of them. */
import { stratified } from '../method/stratified.ts'
import type { Kind } from './import.ts'

export interface Split {
  readonly split: string
  readonly file: string
  /** Questions in it, as the project says. */
  readonly queries: number
  /** The answers are public, and nobody trains on it. */
  readonly evaluation: boolean
}

/** Nothing here was downloaded by this program: sizes are the projects' own statements, and there are no checksums. */
export interface Preset {
  readonly name: string
  readonly title: string
  readonly project: string
  /** Fields by which a file of it is known; DPR, FlashRAG and our own lines are read as well. */
  readonly format: string
  readonly splits: readonly Split[]
  /** What the paper says of its part in it. */
  readonly paper: string
}

const unknownSample = 'evaluated on; which queries were taken is not published'

export const presets: readonly Preset[] = [
  {
    ...{ name: 'hotpotqa', title: 'HotpotQA', project: 'https://hotpotqa.github.io' },
    format: 'JSON list of {_id, question, answer, supporting_facts, context, type, level}',
    splits: [
      { split: 'train', file: 'hotpot_train_v1.1.json', queries: 90_447, evaluation: false },
      { split: 'dev (fullwiki)', file: 'hotpot_dev_fullwiki_v1.json', queries: 7405, evaluation: true },
    ],
    paper: `about 20,000 queries labelled, and ${unknownSample}`,
  },
  {
    ...{ name: '2wikimultihopqa', title: '2WikiMultiHopQA', project: 'https://github.com/Alab-NII/2wikimultihop' },
    format: 'JSON list of {_id, question, answer, supporting_facts, evidences, context, type}',
    splits: [
      { split: 'train', file: 'train.json', queries: 167_454, evaluation: false },
      { split: 'dev', file: 'dev.json', queries: 12_576, evaluation: true },
    ],
    paper: unknownSample,
  },
  {
    ...{ name: 'webquestions', title: 'WebQuestions', project: 'https://nlp.stanford.edu/software/sempre' },
    format: 'JSON list of {url, utterance, targetValue}',
    splits: [
      { split: 'train', file: 'webquestions.examples.train.json', queries: 3778, evaluation: false },
      { split: 'test', file: 'webquestions.examples.test.json', queries: 2032, evaluation: true },
    ],
    paper: `about 4,000 queries labelled, and ${unknownSample}`,
  },
  {
    ...{ name: 'nq', title: 'Natural Questions (open)' },
    project: 'https://github.com/google-research-datasets/natural-questions/tree/master/nq_open',
    format: 'JSON Lines {question, answer: []}',
    splits: [
      { split: 'train', file: 'NQ-open.train.jsonl', queries: 87_925, evaluation: false },
      { split: 'dev', file: 'NQ-open.dev.jsonl', queries: 3610, evaluation: true },
    ],
    paper: unknownSample,
  },
  {
    ...{ name: 'triviaqa', title: 'TriviaQA (unfiltered)', project: 'https://nlp.cs.washington.edu/triviaqa' },
    format: 'JSON {Data: [{QuestionId, Question, Answer: {Value, Aliases}}]}',
    splits: [
      { split: 'train', file: 'unfiltered-web-train.json', queries: 87_622, evaluation: false },
      { split: 'dev', file: 'unfiltered-web-dev.json', queries: 11_313, evaluation: true },
    ],
    paper: unknownSample,
  },
  {
    ...{ name: 'squad', title: 'SQuAD 1.1', project: 'https://rajpurkar.github.io/SQuAD-explorer' },
    format: 'JSON {data: [{title, paragraphs: [{context, qas: [{id, question, answers: [{text}]}]}]}]}',
    splits: [
      { split: 'train', file: 'train-v1.1.json', queries: 87_599, evaluation: false },
      { split: 'dev', file: 'dev-v1.1.json', queries: 10_570, evaluation: true },
    ],
    paper: unknownSample,
  },
]

export const presetOf = (dataset: string): Preset | undefined => presets.find(({ name }) => name === dataset)

/** Of a file with so many queries of a dataset: the whole split that it is, or what is known of it. */
export const splitOf = (dataset: string, count: number): string => {
  const preset = presetOf(dataset)
  if (!preset) return 'not a dataset of the paper'
  const whole = preset.splits.find(({ queries }) => queries === count)
  if (whole) return `as many as ${preset.title} ${whole.split} has`
  const sizes = preset.splits.map(({ split, queries }) => `${split} ${queries}`)
  return `a part, or another version, of ${preset.title} (${sizes.join(', ')})`
}

export interface Sampling {
  readonly n: number
  readonly seed: string
}

/** The same queries of the same file for the same seed: ids in the order of the file. */
export interface Sample extends Sampling {
  readonly of: number
  readonly ids: readonly string[]
}

export interface Named {
  readonly id: string
  readonly dataset: string
}

/** Which queries of a file are drawn, every dataset in proportion. Reads the file once. @throws Rejected with the line */
export const sampleOf = async <T>(
  path: string,
  { read }: Pick<Kind<T>, 'read'>,
  named: (value: T) => Named,
  { n, seed }: Sampling,
  signal: AbortSignal,
): Promise<Sample> => {
  const all: Named[] = []
  for await (const { value } of read(path, { signal })) {
    const { id, dataset } = named(value)
    all.push({ id, dataset })
  }
  return { n, seed, of: all.length, ids: stratified(all, n, seed) }
}

/** A kind of file of which only these queries enter; seed and size are part of what the run's source says. */
export const sampledKind = <T>(kind: Kind<T>, named: (value: T) => Named, { n, seed, ids }: Sample): Kind<T> => {
  const drawn = new Set(ids)
  return {
    ...kind,
    variant: [kind.variant ?? '', `sample=${n} seed=${seed}`].join(' ').trim(),
    async *read(path, options) {
      for await (const line of kind.read(path, options)) if (drawn.has(named(line.value).id)) yield line
    },
  }
}
