/** Files that nobody should hand to a command, beside a few that are fine. */
import { gzipSync } from 'node:zlib'

export const passage = (id: string, text: string) => JSON.stringify({ id, title: '', text })
export const lines = (...all: string[]) => `${all.join('\n')}\n`
const six = ['1', '2', '3', '4', '5', '6'].map((id) => passage(id, `passage ${id}`))
const question = JSON.stringify({ id: 'q', question: 'who?', answers: ['me'] })
const request = (answers: string[]) =>
  JSON.stringify({ id: 'r', query: 'who?', answers, passages: [{ text: 'I' }, { text: 'you' }] })
const prediction = (fields: object) => JSON.stringify({ prediction: 'a', answers: ['b'], ...fields })

/** Files that commands are given; beside them a stream `main` in `.gainstream`, whose run `corpus` was made of corpus.jsonl. */
export const files: Readonly<Record<string, string | Buffer>> = {
  'corpus.jsonl': lines(...six),
  'other.jsonl': lines(passage('7', 'another corpus')),
  'queries.jsonl': lines(question),
  'request.jsonl': lines(request(['me'])),
  'unanswered.jsonl': lines(request([])),
  'broken.jsonl': lines(...six, '{"id": "7", "text": "half of a'),
  'blank.jsonl': lines(...six.slice(0, 2), passage('3', '  ')),
  'twice.jsonl': lines(...six.slice(0, 3), passage('2', 'something else')),
  'slip.jsonl': lines(JSON.stringify({ id: '1', titel: 'a', text: 'b' })),
  'latin1.jsonl': Buffer.from(lines(passage('1', 'fine'), passage('2', 'Zürich')), 'latin1'),
  'utf16.jsonl': Buffer.from(`\ufeff${passage('1', 'wide')}`, 'utf16le'),
  'cut.jsonl.gz': gzipSync(lines(...six)).subarray(0, -20),
  'empty.jsonl': '',
  'array.json': '[{"id": "1", "text": "a"}, {"id": "2", "text": "b"}',
  'ungradable.jsonl': lines(prediction({ answers: [] })),
  'nothing-said.jsonl': lines(prediction({}), JSON.stringify({ answers: ['b'] })),
  'no.gguf': 'this is not a model',
  'unknown.yaml': 'retrieve:\n  k: 5\n  kk: 3\n',
  'type.yaml': '# how many\nretrieve:\n  k: many\n',
  'syntax.yaml': 'retrieve:\n  k: [3\nlabel:\n',
  'notes.yaml': 'just a text\n',
}
