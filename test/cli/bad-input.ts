/**
 * Bad inputs, and the one sentence that each ends in.
 *
 * Longer than 250 lines because it is one table.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Running } from './command.ts'

export interface Case extends Pick<Running, 'env' | 'command'> {
  readonly what: string
  readonly args: readonly string[]
  /** The whole of standard error, without the `gainstream: ` before it; `$HERE` is the folder. */
  readonly says: string
  readonly code?: 1 | 2
  readonly before?: (here: string) => void
}

const oldNode = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"18.20.4"})'
const bin = join(import.meta.dirname, '../../bin/gainstream.js')

const layout = (here: string, version: number) => {
  const log = new DatabaseSync(join(here, '.gainstream/log.sqlite'))
  log.exec(`PRAGMA user_version = ${version}`)
  log.close()
}

export const cases: readonly Case[] = [
  {
    what: 'a file that is not there',
    args: ['index', 'nosuch.jsonl'],
    says: 'nosuch.jsonl does not exist; check the path',
  },
  { what: 'a folder instead of a file', args: ['index', '.gainstream'], says: '.gainstream is a folder; name a file' },
  {
    what: 'broken JSON on line 7',
    args: ['index', 'broken.jsonl'],
    says: 'broken.jsonl line 7: this is not JSON (unterminated string); mend or delete the line',
  },
  {
    what: 'an array without an end',
    args: ['index', 'array.json'],
    says: 'array.json line 1: the array that begins the file has no end; the file is cut short',
  },
  {
    what: 'an empty passage',
    args: ['index', 'blank.jsonl'],
    says: 'blank.jsonl line 3: text is empty; fill it in or delete the record',
  },
  {
    what: 'an empty corpus',
    args: ['index', 'empty.jsonl'],
    says: 'empty.jsonl is empty; it needs at least one record',
  },
  {
    what: 'an id given twice',
    args: ['index', 'twice.jsonl'],
    says: 'twice.jsonl line 4: the id 2 was given to line 2 already; ids must differ',
  },
  {
    what: 'a slip in the name of a field',
    args: ['index', 'slip.jsonl'],
    says: 'slip.jsonl line 1: the field titel is unknown; did you mean title?',
  },
  {
    what: 'a file that is not UTF-8',
    args: ['index', 'latin1.jsonl'],
    says: 'latin1.jsonl line 2: this is not UTF-8; save the file in that encoding',
  },
  {
    what: 'a file in UTF-16',
    args: ['index', 'utf16.jsonl'],
    says: 'utf16.jsonl is text in UTF-16; what can be read is UTF-8 text, plain or packed with gzip, and Parquet',
  },
  {
    what: 'gzip data that were cut short',
    args: ['index', 'cut.jsonl.gz'],
    says: 'cut.jsonl.gz is cut short: its gzip data end too early; copy or download it again',
  },
  {
    what: 'queries where a corpus belongs',
    args: ['index', 'queries.jsonl'],
    says: 'queries.jsonl line 1: this is a query, not a passage; name a corpus here',
  },
  {
    what: 'a corpus where queries belong',
    args: ['synthesize', 'corpus.jsonl'],
    says: 'corpus.jsonl line 1: this is a passage, not a query; name a file of queries here',
  },
  {
    what: 'a run name given to other content',
    args: ['index', 'other.jsonl', '--run', 'corpus'],
    says: 'run corpus was made from $BASE/corpus.jsonl (content 42b93f38…): give other content another name with --run',
  },
  {
    what: 'a run name that cannot be one',
    args: ['index', 'other.jsonl', '--run', 'a/b'],
    says: 'run a/b: a name holds letters, digits, dots, dashes and underscores only',
  },
  {
    what: 'queries before passages',
    args: ['synthesize', 'queries.jsonl'],
    says: 'the store in .gainstream holds no passage: gainstream index <corpus> first',
  },
  {
    what: 'a question before passages',
    args: ['ask', 'who?'],
    says: 'the store in .gainstream holds no passage: gainstream index <corpus> first',
  },
  {
    what: 'gains without golds',
    args: ['gain', 'unanswered.jsonl'],
    says: 'unanswered.jsonl line 1: answers is empty; a gain is measured against at least one gold answer',
  },
  {
    what: 'a model that is not there',
    args: ['gain', 'request.jsonl', '--model', 'nosuch.gguf'],
    says: "the reader's model nosuch.gguf does not exist: name a GGUF file with reader.model",
  },
  {
    what: 'a model that is a folder',
    args: ['gain', 'request.jsonl', '--model', '.gainstream'],
    says: "the reader's model .gainstream is no file: name a GGUF file with reader.model",
  },
  {
    what: 'a model that is no GGUF',
    args: ['gain', 'request.jsonl', '--model', 'no.gguf'],
    says: 'the reader model $HERE/no.gguf is not a GGUF file: set reader.model to a GGUF file',
  },
  {
    what: 'an encoder that is not there',
    args: ['ask', 'who?', '--set', 'encoder.model=nosuch'],
    says: 'stream main was made with encoder.model = null, not "nosuch" (--set encoder.model), and its settings never change: choose another stream with --stream, or set encoder.model back',
    before: (here) => mkdirSync(join(here, '.gainstream/passages/gainstream_passages'), { recursive: true }),
  },
  {
    what: 'predictions without golds',
    args: ['grade', 'ungradable.jsonl'],
    says: 'ungradable.jsonl: no line has a gold answer, so nothing can be graded',
  },
  {
    what: 'a line without a prediction',
    args: ['grade', 'nothing-said.jsonl'],
    says: 'nothing-said.jsonl line 2: prediction is missing or no text; give what the reader said, "" where it said nothing',
  },
  {
    what: 'an unknown setting in the file',
    args: ['runs', '-c', 'unknown.yaml'],
    says: 'unknown.yaml line 3: there is no setting retrieve.kk; did you mean retrieve.k?',
  },
  {
    what: 'an unknown setting by flag',
    args: ['runs', '--set', 'label.alfa=1'],
    says: '--set label.alfa: there is no setting label.alfa; did you mean label.alpha?',
  },
  {
    what: 'an unknown setting in the environment',
    args: ['runs'],
    env: { GAINSTREAM_LABEL__GOLDS: '1' },
    says: 'GAINSTREAM_LABEL__GOLDS: there is no setting label.golds; gainstream config show lists them all',
  },
  {
    what: 'a setting of the wrong type in the file',
    args: ['runs', '-c', 'type.yaml'],
    says: 'type.yaml line 3: the setting retrieve.k is "many" and must be a number',
  },
  {
    what: 'a setting of the wrong type by flag',
    args: ['runs', '--set', 'label.alpha=some'],
    says: '--set label.alpha: the setting label.alpha is "some" and must be a number',
  },
  {
    what: 'a setting out of range in the environment',
    args: ['runs'],
    env: { GAINSTREAM_LABEL__ALPHA: '-1' },
    says: 'GAINSTREAM_LABEL__ALPHA: the setting label.alpha is -1 and must be 0 or more',
  },
  {
    what: 'a file that is no YAML',
    args: ['runs', '-c', 'syntax.yaml'],
    says: 'syntax.yaml line 3: this is not YAML (Flow sequence in block collection must be sufficiently indented and end with a ]); mend it',
  },
  {
    what: 'a file without settings',
    args: ['runs', '-c', 'notes.yaml'],
    says: 'notes.yaml holds no settings; write them as gainstream config show prints them',
  },
  {
    what: 'a configuration that is not there',
    args: ['runs', '-c', 'nosuch.yaml'],
    says: 'the configuration nosuch.yaml does not exist; check the path',
  },
  {
    what: 'another setting than the stream was made with',
    args: ['start', '--set', 'label.alpha=0.9'],
    says: 'stream main was made with label.alpha = 0.5, not 0.9 (--set label.alpha), and its settings never change: choose another stream with --stream, or set label.alpha back',
  },
  {
    what: 'a stream that is not there',
    args: ['status', '--stream', 'mian'],
    says: 'there is no stream mian in .gainstream: choose main with --stream',
  },
  {
    what: 'a data folder without a log',
    args: ['status', '--data', 'nosuch'],
    says: 'there is no log in nosuch yet: gainstream index <corpus> makes one, or name another folder with --data',
  },
  {
    what: 'a file where the data folder should be',
    args: ['index', 'corpus.jsonl', '--data', 'no.gguf'],
    says: 'the data folder no.gguf cannot be reached: a part of its path is a file, not a folder; name another one with --data',
  },
  {
    what: 'a data folder of a newer layout',
    args: ['runs'],
    before: (here) => layout(here, 99),
    says: 'the log $HERE/.gainstream/log.sqlite has layout 99 and this program knows layouts up to 1: use the newer program that wrote it',
  },
  {
    what: 'a log that is no database',
    args: ['runs', '-d', 'odd'],
    before: (here) => {
      mkdirSync(join(here, 'odd'))
      writeFileSync(join(here, 'odd/log.sqlite'), 'x'.repeat(9000))
    },
    says: 'the log $HERE/odd/log.sqlite is damaged or no SQLite database (file is not a database): restore it from a copy',
  },
  {
    what: 'a reject that is not there',
    args: ['rejects', 'show', '0/7'],
    says: 'there is no reject 0/7: gainstream rejects list shows their ids',
  },
  { what: 'nothing to export', args: ['export', 'samples'], says: 'there are no samples to export (exported: 0)' },
  {
    what: 'a format that is for samples',
    args: ['export', 'passages', '--format', 'flagembedding'],
    says: '--format flagembedding is for samples only',
  },
  {
    what: 'an export into a folder',
    args: ['export', 'passages', '--out', '.gainstream'],
    says: '.gainstream is a folder; name a file',
  },
  {
    what: 'an unknown stage',
    args: ['start', '--only', 'lable'],
    code: 2,
    says: "option '--only <stage>' argument 'lable' is invalid. Stages are index, imagine, retrieve, label, distil, select, generate, evaluate (gainstream help shows how it is used)",
  },
  {
    what: 'an unknown command',
    args: ['synthesise', 'queries.jsonl'],
    code: 2,
    says: "unknown command 'synthesise' (Did you mean synthesize?) (gainstream help shows how it is used)",
  },
  {
    what: 'an unknown flag',
    args: ['index', 'corpus.jsonl', '--alpha', '1'],
    code: 2,
    says: "unknown option '--alpha' (gainstream help shows how it is used)",
  },
  {
    what: 'a flag that is no number',
    args: ['gain', 'request.jsonl', '--alpha', 'some'],
    code: 2,
    says: "option '--alpha <number>' argument 'some' is invalid. It must be a number (gainstream help shows how it is used)",
  },
  {
    what: 'a missing argument',
    args: ['index'],
    code: 2,
    says: "missing required argument 'corpus' (gainstream help shows how it is used)",
  },
  {
    what: 'an old Node',
    args: ['runs'],
    command: [process.execPath, '--import', oldNode, bin],
    says: 'gainstream needs Node 20 or newer to start, and $NODE is Node 18.20.4: install Node 24 and run the command again.',
  },
]
