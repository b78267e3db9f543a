/**
 * How well-known families of encoders are used, as their makers publish it. A folder's own files and settings may say
 * something else; a preset fills what they leave open.
 */
export interface Preset {
  readonly pooling: 'mean' | 'cls'
  readonly normalised: boolean
  readonly query_prefix: string
  readonly passage_prefix: string
  readonly max_tokens: number
}

const plain = { query_prefix: '', passage_prefix: '' }
/** Trained with inner products of vectors as long as they come. */
const contriever: Preset = { pooling: 'mean', normalised: false, ...plain, max_tokens: 512 }

export const presets = {
  contriever,
  /** Fine-tuned on MS MARCO; used in the same way. */
  'contriever-msmarco': contriever,
  e5: { pooling: 'mean', normalised: true, query_prefix: 'query: ', passage_prefix: 'passage: ', max_tokens: 512 },
  /** The English ones; only questions are instructed. */
  bge: {
    ...{ pooling: 'cls', normalised: true, passage_prefix: '', max_tokens: 512 },
    query_prefix: 'Represent this sentence for searching relevant passages: ',
  },
  /** all-MiniLM-L6-v2 and its like, of sentence-transformers. */
  minilm: { pooling: 'mean', normalised: true, ...plain, max_tokens: 256 },
} as const satisfies Record<string, Preset>

export type PresetName = keyof typeof presets

export const presetNames = Object.keys(presets) as [PresetName, ...PresetName[]]

/** What somebody chose of how an encoder is used; null leaves it to the preset, and then to the model's own files. */
export type Chosen = { readonly [K in keyof Preset]?: Preset[K] | null | undefined }

/** What is to hold whatever the model's files say: what was chosen, and below it the preset. */
export const usage = (chosen: Chosen, preset: PresetName | null = null): Partial<Preset> => ({
  ...(preset === null ? {} : presets[preset]),
  ...Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== null && value !== undefined)),
})
