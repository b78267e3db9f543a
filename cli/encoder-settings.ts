/** Settings of the encoder: which it is, how it is used, and where it runs. */
import { z } from 'zod'
import { presetNames } from '../adapters/models/presets.ts'
import { addresses } from './addresses.ts'
import { stars } from './secrets.ts'

const text = z.string().min(1).nullable().default(null)
const prefix = z.string().nullable().default(null)
const whole = z.int().min(1)
const secret = text.refine((given) => given !== stars, 'stands for a secret that was not shown: give the secret itself')

const usual = 'http://127.0.0.1:8001'
const urls = addresses(usual, 'encoder.api_key')

type Given = Readonly<Record<string, unknown>>

/** Each rule is one sentence about one setting. */
const check = (given: Given, context: z.core.$RefinementCtx) => {
  const is = (name: string) => given[name] !== null
  const say = (setting: string, message: string) =>
    context.addIssue({ code: 'custom', path: [setting], message, continue: false })
  const served = given.engine === 'server'
  const plain = (given.urls as readonly string[]).some((url) => url.startsWith('http:'))
  if (!served && String(given.urls) !== usual) say('urls', 'must be left out, or encoder.engine must be server')
  if (served && is('pooling')) say('pooling', 'must not be given where encoder.engine is server: the server pools')
  if (is('api_key') && is('api_key_file')) say('api_key_file', 'must not be given beside api_key: choose one')
  if (served && is('ca') && plain) say('urls', 'must begin with https:// with ca')
}

export const encoder = z
  .strictObject({
    engine: z.enum(['onnx', 'server']).default('onnx').describe('in this process, or servers of /v1/embeddings'),
    model: z
      .string()
      .nullable()
      .default(null)
      .describe('folder of an ONNX encoder, null: all-MiniLM-L6-v2; of a server: the name it is served under'),
    preset: z
      .enum(presetNames)
      .nullable()
      .default(null)
      .describe('how a family of models is used; what is set below goes before it'),
    pooling: z.enum(['mean', 'cls']).nullable().default(null).describe("null: as the model's files say, like the next"),
    normalised: z.boolean().nullable().default(null).describe('vectors are brought to length 1'),
    query_prefix: prefix.describe('stands before a question, blanks included'),
    passage_prefix: prefix.describe('stands before a passage, blanks included'),
    max_tokens: whole.nullable().default(null).describe('a longer text is cut at its end'),
    threads: whole.default(2).describe('of one worker'),
    workers: whole.nullable().default(null).describe('copies of the model; null: as many as the cores have room for'),
    urls: urls.describe('of servers, with or without /v1; one text with commas will do'),
    api_key: secret.describe('better from the environment (GAINSTREAM_ENCODER__API_KEY) or a file'),
    api_key_file: text.describe('a file that holds nothing else'),
    ca: text.describe('file with the certificates to trust (PEM); null: those of Node'),
    batch: whole.max(2048).default(64).describe('texts in one request to a server'),
    concurrency: whole.default(4).describe('requests under way at each server'),
    timeout: z
      .number()
      .refine((seconds) => seconds > 0, 'must be more than 0')
      .default(120)
      .describe('seconds of one request to a server'),
  })
  .superRefine(check)
  .prefault({})

export type EncoderSetting = z.infer<typeof encoder>

/** What makes vectors that cannot be compared with others; where they are made changes nothing. */
export const deciding = ({ engine, model, preset, ...others }: EncoderSetting) => {
  const { pooling, normalised, query_prefix, passage_prefix, max_tokens } = others
  return { engine, model, preset, pooling, normalised, query_prefix, passage_prefix, max_tokens }
}
