import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { fingerprint, readPassages, readQueries } from '../../../adapters/files/index.ts'
import { collect } from './folder.ts'

const data = process.env.GAINSTREAM_BENCHMARK ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url))
const there = existsSync(join(data, 'corpus.jsonl.gz'))
if (!there)
  console.warn(`skipped: no benchmark data in ${data}; set GAINSTREAM_BENCHMARK to the folder with corpus.jsonl.gz`)

describe.skipIf(!there)('the benchmark', () => {
  test('has 25,679 passages, each with its own id, a title and a text', async () => {
    const remarks: string[] = []
    const at = join(data, 'corpus.jsonl.gz')
    const passages = await collect(readPassages(at, { onIgnored: (remark) => remarks.push(remark) }))
    expect(passages.length).toBe(25_679)
    expect(passages.at(-1)?.line).toBe(25_679)
    expect(passages.at(-1)?.position).toBe((await fingerprint(at)).bytes)
    expect(passages.every(({ value }) => value.title !== '')).toBe(true)
    expect(remarks).toEqual([`${at}: the field source is not read`])
  })

  test('has 1,050 queries to evaluate and 1,750 to train with, each with golds and gold passages', async () => {
    const count = async (part: string) => {
      const files = readdirSync(data).filter((name) => name.endsWith(`.${part}.jsonl`))
      const read = await Promise.all(files.map((name) => collect(readQueries(join(data, name)))))
      const queries = read.flat().map(({ value }) => value)
      expect(queries.every(({ answers, gold_passage_ids }) => answers.length > 0 && gold_passage_ids.length > 0)).toBe(
        true,
      )
      expect(new Set(queries.map(({ id }) => id)).size).toBe(queries.length)
      return queries.length
    }
    expect([await count('eval'), await count('train')]).toEqual([1050, 1750])
  })
})
