import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fingerprint, flagEmbedding, sentenceTransformers, writeLines } from '../../../adapters/files/index.ts'
import { trouble } from '../../../adapters/files/trouble.ts'
import { fill } from '../../../adapters/files/write.ts'
import { Fatal } from '../../../runtime/errors.ts'
import type { Sample } from '../../../schemas/sample.ts'
import { refusal, scratch } from './folder.ts'

const { file, path } = scratch()
const names = (at: string) => readdirSync(dirname(at))

describe('a file that is written', () => {
  test('holds each line with its end, and its size is told', async () => {
    const at = path('out.jsonl')
    expect(await writeLines(at, ['a', 'ü'])).toEqual({ lines: 2, bytes: 5 })
    expect(readFileSync(at, 'utf8')).toBe('a\nü\n')
    expect(names(at)).toEqual(['out.jsonl'])
  })

  test('may be long, may be empty, and may lie in a folder that is not there yet', async () => {
    const at = join(path('new'), 'deep', 'out.jsonl')
    const line = 'x'.repeat(999)
    const many = async function* () {
      for (let i = 0; i < 3000; i++) yield line
    }
    expect(await writeLines(at, many())).toEqual({ lines: 3000, bytes: 3_000_000 })
    expect(readFileSync(at, 'utf8')).toBe(`${line}\n`.repeat(3000))
    expect(await writeLines(at, [])).toEqual({ lines: 0, bytes: 0 })
    expect(statSync(at).size).toBe(0)
  })

  test('is not there before it is whole, and what was there stays until then', async () => {
    const at = file('out.jsonl', 'before\n')
    const lines = async function* () {
      yield 'x'.repeat(1_000_000)
      expect(readFileSync(at, 'utf8')).toBe('before\n')
      yield 'last'
    }
    await writeLines(at, lines())
    expect(readFileSync(at, 'utf8')).toMatch(/^x+\nlast\n$/)
  })

  test('leaves nothing behind when its lines fail, and their error comes through', async () => {
    const at = file('out.jsonl', 'before\n')
    const lines = async function* () {
      yield 'x'.repeat(1_000_000)
      throw new Error('no more lines')
    }
    expect((await refusal(writeLines(at, lines()))).message).toBe('no more lines')
    expect(readFileSync(at, 'utf8')).toBe('before\n')
    expect(names(at)).toEqual(['out.jsonl'])
  })

  test('is refused in the place of a folder, below a file and in the place of a pipe', async () => {
    const folder = path('folder')
    mkdirSync(folder)
    const plain = file('plain', '')
    const said = async (at: string) => {
      const error = await refusal(writeLines(at, ['a']))
      expect(error).toBeInstanceOf(Fatal)
      return error.message.replace(at, '%')
    }
    expect(await said(folder)).toBe('% is a folder; name a file')
    expect(await said(join(plain, 'out'))).toBe('% cannot be reached: a part of its path is a file, not a folder')
    // A pipe of its own: a broken writer that runs as root must find no device of the machine here.
    const pipe = path('pipe')
    execFileSync('mkfifo', [pipe])
    expect(await said(pipe)).toBe('% is a device or a pipe; name a file')
    expect(statSync(pipe).isFIFO()).toBe(true)
  })

  test('on a full disk says what to do', async () => {
    const full = await open('/dev/full', 'w')
    try {
      const error = trouble('out.jsonl', await refusal(fill(full, ['a'])))
      expect(error).toBeInstanceOf(Fatal)
      expect((error as Error).message).toBe(
        'out.jsonl cannot be written: the disk is full; free some space and run this again',
      )
    } finally {
      await full.close()
    }
  })

  test.skipIf(process.getuid?.() === 0)('in a folder that may not be written to says what to do', async () => {
    const at = file('out.jsonl', 'before\n')
    chmodSync(dirname(at), 0o555)
    const error = await refusal(writeLines(at, ['a']))
    chmodSync(dirname(at), 0o755)
    expect(error.message).toMatch(/may not be opened by this user; change its permissions or the path$/)
    expect(readFileSync(at, 'utf8')).toBe('before\n')
  })

  test('says what to do whatever the system refuses, and names the failure that it has no words for', () => {
    const denied = (code: string) => trouble('/a/out', Object.assign(new Error(code), { code })) as Error
    expect(denied('EACCES').message).toMatch(/^\/a\/out may not be opened by this user/)
    expect(denied('EROFS').message).toMatch(/file system that cannot be written to/)
    expect(denied('EIO').message).toBe('/a/out failed (EIO)')
  })
})

describe('the fingerprint of a file', () => {
  test('is the SHA-256 of its bytes, and its size', async () => {
    const at = file('a', 'abc')
    expect(await fingerprint(at)).toEqual({
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      bytes: 3,
    })
    writeFileSync(at, 'x'.repeat(3_000_000))
    expect((await fingerprint(at)).bytes).toBe(3_000_000)
  })

  test('is refused for what cannot be read', async () => {
    expect((await refusal(fingerprint(path('missing')))).message).toMatch(/does not exist/)
    expect((await refusal(fingerprint(file('a', '')))).message).toMatch(/is empty/)
    expect((await refusal(fingerprint(dirname(file('a', ''))))).message).toMatch(/is a folder/)
  })

  test('stops when the signal says so', async () => {
    const at = file('a', 'abc')
    expect((await refusal(fingerprint(at, AbortSignal.abort()))).name).toBe('AbortError')
  })
})

describe('a training group', () => {
  const passage = (id: string, title: string, score: number) => ({
    ...{
      id,
      title,
      text: `text ${id}`,
      source: 'retrieved',
      rank: 1,
      mean_nll: 1,
      score,
      has_answer: true,
      twin_of: null,
      ...{ retrieval_score: null, dense_rank: null, dense_score: null, sparse_rank: null, sparse_score: null },
    },
  })
  const query = { id: 'q', question: 'who "lives"?', answers: ['Kent'], dataset: '', lang: 'en', gold_passage_ids: [] }
  const sample: Sample = {
    run: 'r',
    query,
    outcome: 'kept',
    reason: '',
    measure: 'contrastive',
    alpha: 0.5,
    passages: [passage('b', 'Lear', -0.5), passage('a', 'Kent', -2), passage('g', '', -3.25)],
    filter_prediction: null,
    filter_reader: null,
    scorer: { model: 'm', revision: '', dtype: '', server: '', runner: '', plugin: '', prompt: null },
    usage: { calls: 0, prompt_tokens: 0, output_tokens: 0, cache_hits: 0, seconds: 0 },
    settings: '',
  }

  test('becomes a line for FlagEmbedding, the positive apart from the negatives', () => {
    expect(flagEmbedding(sample)).toEqual({
      query: 'who "lives"?',
      pos: ['Lear\ntext b'],
      neg: ['Kent\ntext a', '\ntext g'],
      pos_scores: [-0.5],
      neg_scores: [-2, -3.25],
    })
  })

  test('becomes a line for sentence-transformers, the positive first', () => {
    expect(sentenceTransformers(sample)).toEqual({
      query: 'who "lives"?',
      docs: ['Lear\ntext b', 'Kent\ntext a', '\ntext g'],
      scores: [-0.5, -2, -3.25],
    })
  })

  test('takes one line, whatever stands in its texts', () => {
    const odd = { ...sample, query: { ...query, question: 'a\nb\u2028c' } }
    for (const row of [flagEmbedding(odd), sentenceTransformers(odd)]) expect(JSON.stringify(row)).not.toMatch(/[\n\r]/)
  })

  test('is not made of a sample that was filtered', () => {
    const filtered = { ...sample, outcome: 'filtered', reason: 'not answerable' }
    expect(() => flagEmbedding(filtered)).toThrow('query q has no training group (filtered: not answerable)')
    expect(() => sentenceTransformers({ ...sample, passages: [] })).toThrow(/no training group/)
  })
})
