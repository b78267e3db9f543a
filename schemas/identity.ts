import { optional, type Avro } from './avro.ts'

/** Which LLM had a part in a record, so exactly that it can be asked again. */
export const Identity = {
  type: 'record',
  name: 'Identity',
  namespace: 'gainstream',
  fields: [
    { name: 'model', type: 'string' },
    { name: 'revision', type: 'string', default: '', doc: 'Of a file: sha256 of its bytes.' },
    {
      name: 'dtype',
      type: 'string',
      default: '',
      doc: 'Of the weights as they are computed with, e.g. q8_0, bfloat16.',
    },
    { name: 'server', type: 'string', default: '', doc: 'Program and version, e.g. node-llama-cpp 3.22.1.' },
    { name: 'runner', type: 'string', default: '', doc: 'Of vLLM: v1 or v2.' },
    { name: 'plugin', type: 'string', default: '', doc: 'Name and version of what measures within the server.' },
    { name: 'prompt', type: optional('string'), default: null, doc: 'Hash of the prompt template as rendered.' },
  ],
} as const
export type Identity = Avro<typeof Identity>

/** What an LLM call cost. */
export const Usage = {
  type: 'record',
  name: 'Usage',
  namespace: 'gainstream',
  fields: [
    { name: 'calls', type: 'int', default: 0 },
    { name: 'prompt_tokens', type: 'long', default: 0, doc: 'Evaluated; what a cache answered is not in it.' },
    { name: 'output_tokens', type: 'long', default: 0 },
    { name: 'cache_hits', type: 'int', default: 0 },
    { name: 'seconds', type: 'double', default: 0 },
  ],
} as const
export type Usage = Avro<typeof Usage>
