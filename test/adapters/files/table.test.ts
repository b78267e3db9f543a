import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readPassages, readQueries } from '../../../adapters/files/index.ts'
import { tableRows } from '../../../adapters/files/table.ts'
import { Fatal, Rejected } from '../../../runtime/errors.ts'
import { collect, refusal, scratch } from './folder.ts'
import { python } from './python.ts'

const { file } = scratch()
const values = async <T>(source: AsyncIterable<{ value: T }>) => (await collect(source)).map(({ value }) => value)

/** Cells of a content that comes in parts of so many bytes. */
const cut = (content: Buffer, size: number) => {
  const rows = tableRows()
  const all = []
  for (let at = 0; at < content.length; at += size) all.push(...rows.push(content.subarray(at, at + size)))
  return [...all, ...rows.end()]
}

const cell = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => text.replace(/[\0\r]/g, '')),
  fc.string({ unit: fc.constantFrom(...`"\t\n, aé`) }),
)
const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 8 })

describe('a table', () => {
  test('holds what Python’s csv wrote into it, in whatever parts it is read', async () => {
    const tables = fc.sample(table, 300)
    const script = `def write(rows):
    out = io.StringIO()
    csv.writer(out, delimiter="\\t", lineterminator=END).writerows(rows)
    return out.getvalue()
print(json.dumps([write(each) for each in value]))`
    for (const end of ['"\\n"', '"\\r\\n"']) {
      const written = await python<string[]>(script.replace('END', end), tables)
      written.forEach((content, i) => {
        for (const size of [1, 3, 7, 1000]) {
          const rows = cut(Buffer.from(content), size)
          expect(rows.map(({ fault }) => fault)).toEqual(rows.map(() => undefined))
          expect(rows.map(({ cells }) => cells)).toEqual(tables[i])
        }
      })
    }
  })

  test('counts its lines through cells of several', () => {
    const rows = cut(Buffer.from('a\tb\n\n"x\ny\n"\tz\n"p"q\tr\nlast\t"s"'), 2)
    expect(rows.map(({ cells, line, fault }) => [line, fault ?? cells])).toEqual([
      [1, ['a', 'b']],
      [3, ['x\ny\n', 'z']],
      [6, 'a cell goes on after its closing quote; double the quotes within a cell that begins with one'],
      [7, ['last', 's']],
    ])
  })
})

const head = 'id\ttext\ttitle'
const first = `1\t"Aaron ( or ; ""Ahärôn"") is a prophet"\tAaron`
const aaron = { id: '1', title: 'Aaron', text: 'Aaron ( or ; "Ahärôn") is a prophet' }
const second = '2\tGod at Sinai\t'
const sinai = { id: '2', title: '', text: 'God at Sinai' }

describe('a corpus as DPR publishes it', () => {
  const same: [string, string | Buffer][] = [
    ['with one line a passage', `${head}\n${first}\n${second}\n`],
    ['without a last line end', `${head}\n${first}\n${second}`],
    ['with Windows line ends and blank lines', `${head}\r\n\r\n${first}\r\n\r\n${second}\r\n`],
    ['behind a byte order mark', `\uFEFF${head}\n${first}\n${second}\n`],
    ['packed with gzip', gzipSync(`${head}\n${first}\n${second}\n`)],
    ['with every cell in quotes', `"id"\t"text"\t"title"\n"1"${first.slice(1)}\n"2"\t"God at Sinai"\t""\n`],
    ['with its columns in another order', `title\tid\ttext\nAaron\t1\t${first.split('\t')[1]}\n\t2\tGod at Sinai\n`],
  ]
  test.each(same)('is read %s', async (_name, content) => {
    expect(await values(readPassages(file('psgs_w100.jsonl', content)))).toEqual([aaron, sinai])
  })

  test('tells of columns that are not read', async () => {
    const remarks: string[] = []
    const at = file('a', `${head}\turl\n${first}\thttp\n${second}\thttp\n`)
    expect(await values(readPassages(at, { onIgnored: (remark) => remarks.push(remark) }))).toEqual([aaron, sinai])
    expect(remarks).toEqual([`${at}: the field url is not read`])
  })

  const bad: [string, string | Buffer, string][] = [
    ['a row that is too short', `${head}\n${first}\n2\tGod`, 'line 3: there are 2 columns here, not 3 (id, text, title)'],
    ['a row that is too long', `${head}\n\n1\ta\tb\tc\n`, 'line 3: there are 4 columns here, not 3 (id, text, title)'],
    ['an empty text', `${head}\n1\t\tTitle\n`, 'line 2: text is empty; fill it in or delete the record'],
    ['an empty id', `${head}\n\ta\tTitle\n`, 'line 2: id is empty; fill it in, or leave it out and get one from the content'],
    ['a quote without an end', `${head}\n${first}\n2\t"God\tT\n3\ta\tb\n`, 'line 3: a cell begins with a quote that has no end; close it, or double the quotes within the cell'],
    ['words after a quote', `${head}\n1\t"God" said\tT\n`, 'line 2: a cell goes on after its closing quote; double the quotes within a cell that begins with one'],
    ['an id given twice', `${head}\n${first}\n2\ta\tb\n1\tc\td\n`, 'line 4: the id 1 was given to line 2 already; ids must differ'],
    ['what is not UTF-8', Buffer.concat([Buffer.from(`${head}\n1\t`), Buffer.from([0xe4]), Buffer.from('\tT\n')]), 'line 2: this is not UTF-8; save the file in that encoding'],
  ] // prettier-ignore
  test.each(bad)('with %s is refused', async (_name, content, words) => {
    const at = file('a', content)
    const error = await refusal(collect(readPassages(at)))
    expect(error).toBeInstanceOf(Rejected)
    expect(error.message).toBe(`${at} ${words}`)
  })

  test('goes on after a row that cannot be read', async () => {
    const lines: number[] = []
    const at = file('a', `${head}\n${first}\n5\t"x"y\tz\n\n${second}\n`)
    expect(await values(readPassages(at, { onRefused: (_, line) => lines.push(line) }))).toEqual([aaron, sinai])
    expect(lines).toEqual([3])
  })

  test('without a line that names its columns, or with nothing else, is refused', async () => {
    const at = file('a', `${first}\n${second}\n`)
    const error = await refusal(collect(readPassages(at)))
    expect(error).toBeInstanceOf(Fatal)
    expect(error.message).toBe(`${at} line 1: the first line of a table must name its columns, such as id, text, title`)
    const slip = file('a', 'id\ttext\ttitel\n1\ta\tb\n')
    expect((await refusal(collect(readPassages(slip)))).message).toBe(
      `${slip}: the field titel is unknown; did you mean title?`,
    )
    const empty = file('a', `${head}\n`)
    expect((await refusal(collect(readPassages(empty)))).message).toBe(
      `${empty} is empty; it needs at least one record`,
    )
  })

  test('is one row where a quote is never closed, up to 16 MB', async () => {
    const at = file('a', `${head}\n1\t"${'a\n'.repeat(9_000_000)}`)
    expect((await refusal(collect(readPassages(at)))).message).toBe(
      `${at} line 2: this row is longer than 16 MB; is a quote not closed?`,
    )
  })
})

describe('queries as DPR publishes them', () => {
  const query = (question: string, ...answers: string[]) => ({
    ...{ id: expect.stringMatching(/^[0-9a-f]{16}$/) as string, question, answers },
    ...{ dataset: '', lang: 'en', gold_passage_ids: [] },
  })
  test('have a question and a Python list', async () => {
    const rows = [
      `who got the first nobel prize in physics\t['Wilhelm Conrad Röntgen']`,
      `how many "episodes"\t"[""it's 291"", '291']"`,
      'who?\tone text',
      'nobody\t[]',
    ]
    for (const end of ['\n', '\r\n'])
      expect(await values(readQueries(file('nq.csv', rows.join(end))))).toEqual([
        query('who got the first nobel prize in physics', 'Wilhelm Conrad Röntgen'),
        query('how many "episodes"', "it's 291", '291'),
        query('who?', 'one text'),
        query('nobody'),
      ])
  })
  test('may name their columns', async () => {
    const at = file('a', `id\tquestion\tanswers\tdataset\nq1\twho?\t['a']\tnq\n`)
    expect(await values(readQueries(at))).toEqual([{ ...query('who?', 'a'), id: 'q1', dataset: 'nq' }])
  })
  const bad: [string, string, string][] = [
    ['a program for a list', `a?\t['x']\nb?\t[__import__('os')]`, `line 2: this is no Python list of texts (at character 2); write it as ['one', "another's"]`],
    ['a third column', `a?\t['x']\tb`, 'line 1: there are 3 columns here, not 2 (question, answers)'],
    ['a blank question', `a?\t['x']\n \t['y']`, 'line 2: question is empty; fill it in or delete the record'],
  ] // prettier-ignore
  test.each(bad)('with %s are refused', async (_name, content, words) => {
    const at = file('a', content)
    expect((await refusal(collect(readQueries(at)))).message).toBe(`${at} ${words}`)
  })
})
