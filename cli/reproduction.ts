/** The paper's experiment as a list of command lines that anybody could type: each is resumable by itself. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export interface Reproduction {
  readonly corpus: string
  /** Files that were written for the purpose, see `queriesIn`. */
  readonly train: string
  readonly evaluation: string
  readonly out: string
  readonly stream: string
  /** Model that the cross-encoder starts from; undefined: the light selector only. */
  readonly base: string | undefined
  readonly paper: boolean
  /** Groups that the answerable filter dropped are trained on, too. */
  readonly filtered: boolean
  readonly reranker: string | undefined
  /** Candidates of an evaluated query; undefined: as many as were labelled. */
  readonly evaluationK: number | undefined
  readonly allowOverlap: boolean
  /** Flags that every command takes: configuration, engine, reader … */
  readonly shared: readonly string[]
}

export interface Step {
  readonly title: string
  readonly argv: readonly string[]
  /** It was done before: what it leaves behind is there. */
  readonly done: boolean
}

/** What the paper did otherwise than our defaults: dense retrieval, and the filter that the published code applies. */
const paperSettings = ['retrieve.mode=dense', 'distil.filter=containment', 'imagine.on=true', 'label.alpha=0.5']

const sets = (settings: readonly string[]) => settings.flatMap((setting) => ['--set', setting])

const training = (of: Reproduction, name: string, how: readonly string[]): Step => {
  const folder = join(of.out, name)
  const flags = ['--run', 'train', '--out', folder, '--evaluation', of.evaluation]
  const more = [...(of.filtered ? ['--filtered'] : []), ...(of.allowOverlap ? ['--allow-overlap'] : [])]
  return {
    title: `train the ${name} selector`,
    argv: ['train', '--stream', of.stream, ...how, ...flags, ...more, ...of.shared],
    done: existsSync(join(folder, 'selector.json')),
  }
}

/** In the order in which they run. The last one writes the report. */
export const planOf = (of: Reproduction): Step[] => {
  const { corpus, train, evaluation, out, stream, base, paper, reranker, evaluationK, shared } = of
  const settings = sets(paper ? paperSettings : [])
  const evaluated = evaluationK === undefined ? stream : `${stream}-k${evaluationK}`
  const k = evaluationK === undefined ? [] : ['-k', String(evaluationK)]
  const chosen = join(out, base === undefined ? 'light' : 'cross')
  const conditions = ['none', 'first', ...(reranker === undefined ? [] : ['reranker']), 'selected', 'gain']
  const weights = ['--selector', chosen, ...(reranker === undefined ? [] : ['--reranker', reranker])]
  const step = (title: string, ...argv: string[]): Step => ({ title, argv: [...argv, ...shared], done: false })
  return [
    step('index the corpus', 'index', corpus),
    step('label the training queries', 'synthesize', train, '--run', 'train', '--stream', stream, ...settings),
    training(of, 'light', ['--light']),
    ...(base === undefined ? [] : [training(of, 'cross', ['--base', base])]),
    step(
      'answer the evaluation queries under each condition',
      ...['evaluate', evaluation, '--run', 'evaluation', '--stream', evaluated, ...k, ...settings],
      ...['--conditions', conditions.join(','), ...weights, '--report', join(out, 'report.html')],
    ),
  ]
}

const quoted = (word: string) => (/^[\w./:=,@+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)

/** As it would be typed. */
export const typed = ({ argv }: Step): string => ['gainstream', ...argv].map(quoted).join(' ')
