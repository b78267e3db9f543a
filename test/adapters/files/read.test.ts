import { mkdirSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { readGainRequests, readPassages, readPredictions, readQueries } from '../../../adapters/files/index.ts'
import { Fatal, Rejected } from '../../../runtime/errors.ts'
import { collect, refusal, scratch } from './folder.ts'

const { file, path } = scratch()
const jsonl = (...records: unknown[]) => records.map((record) => JSON.stringify(record)).join('\n')
const values = async <T>(source: AsyncIterable<{ value: T }>) => (await collect(source)).map(({ value }) => value)

const passage = { id: '7', title: 'Lear', text: 'Kent lives.' }

describe('a corpus', () => {
  const same: [string, string, string | Buffer][] = [
    ['JSON Lines', 'corpus.jsonl', jsonl(passage, { ...passage, id: '8' })],
    [
      'JSON Lines with blank lines and Windows line ends',
      'a.txt',
      `\r\n${jsonl(passage)}\r\n\r\n${jsonl({ ...passage, id: '8' })}\r\n`,
    ],
    ['JSON Lines behind a byte order mark', 'a.jsonl', `\uFEFF${jsonl(passage, { ...passage, id: '8' })}`],
    ['a JSON array', 'a.json', JSON.stringify([passage, { ...passage, id: '8' }])],
    ['a JSON array over many lines', 'a.jsonl', ` \n${JSON.stringify([passage, { ...passage, id: '8' }], null, 2)}\n`],
    ['a JSON array behind a byte order mark', 'a.json', `\uFEFF${JSON.stringify([passage, { ...passage, id: '8' }])}`],
    ['gzip', 'corpus.jsonl', gzipSync(jsonl(passage, { ...passage, id: '8' }))],
    ['a gzipped array', 'corpus', gzipSync(JSON.stringify([passage, { ...passage, id: '8' }]))],
    [
      'two gzip files, one after the other',
      'both.gz',
      Buffer.concat([gzipSync(`${jsonl(passage)}\n`), gzipSync(jsonl({ ...passage, id: '8' }))]),
    ],
  ]
  test.each(same)('is read from %s, whatever its name', async (_name, name, content) => {
    expect(await values(readPassages(file(name, content)))).toEqual([passage, { ...passage, id: '8' }])
  })

  const contents: [string, string, string, string][] = [
    ['with a title in quotes', '"King Lear"\n Kent lives.', 'King Lear', 'Kent lives.'],
    ['with quotes within the quotes', '"The ""old"" king"\nText', 'The "old" king', 'Text'],
    ['with a title without quotes', 'King Lear\nKent lives.\nAlbany too.', 'King Lear', 'Kent lives.\nAlbany too.'],
    ['of one line', 'Kent lives.', '', 'Kent lives.'],
    ['with one quote only', '"King Lear\nText', '"King Lear', 'Text'],
  ]
  test.each(contents)('takes FlashRAG’s contents %s', async (_name, whole, title, text) => {
    expect(await values(readPassages(file('a.jsonl', jsonl({ id: 0, contents: whole }))))).toEqual([
      { id: '0', title, text },
    ])
  })

  test('splits nothing off contents whose title stands in a field of its own', async () => {
    const records = [
      { id: 'a', title: 'Lear', contents: 'Lear\nKent lives.' },
      { id: 'b', title: 'Lear', contents: 'Kent lives.\nAlbany too.' },
      { id: 'c', title: 'Lear', text: 'Text', contents: 'Other\nwords' },
    ]
    expect((await values(readPassages(file('a.jsonl', jsonl(...records))))).map(({ text }) => text)).toEqual([
      'Kent lives.',
      'Kent lives.\nAlbany too.',
      'Text',
    ])
  })

  test('gets ids from its content where it has none, the same ones each time', async () => {
    const content = jsonl({ text: 'one' }, { title: 'T', text: 'one' }, { text: 'two' })
    const [first, second] = [
      await values(readPassages(file('a', content))),
      await values(readPassages(file('b', content))),
    ]
    expect(first).toEqual(second)
    expect(new Set(first.map(({ id }) => id)).size).toBe(3)
    for (const { id } of first) expect(id).toMatch(/^[0-9a-f]{16}$/)
  })

  test('that says the same twice without ids is read once, and says so', async () => {
    const remarks: string[] = []
    const at = file('a.jsonl', jsonl({ text: 'one' }, { text: 'two' }, { text: 'one' }, { text: 'one' }))
    const read = await values(readPassages(at, { onIgnored: (remark) => remarks.push(remark) }))
    expect(read.map(({ text }) => text)).toEqual(['one', 'two'])
    expect(remarks).toEqual([`${at} line 3 says the same as line 1; such repeats without an id are read once`])
  })

  test('tells of foreign fields once and reads the rest', async () => {
    const remarks: string[] = []
    const at = file('a.jsonl', jsonl({ ...passage, source: 'nq' }, { ...passage, id: '8', source: 'nq', metadata: {} }))
    await collect(readPassages(at, { onIgnored: (remark) => remarks.push(remark) }))
    expect(remarks).toEqual([`${at}: the field source is not read`, `${at}: the field metadata is not read`])
  })

  test('holds no half characters, which UTF-8 could not write again', async () => {
    const at = file('a.jsonl', '{"id":"1","text":"a \\ud800 b"}')
    expect((await values(readPassages(at)))[0]?.text).toBe('a \uFFFD b')
  })
})

describe('lines and progress', () => {
  test('are counted through blank lines and through records that were left out', async () => {
    const at = file('a.jsonl', `\n${jsonl({ text: 'one' })}\n\n{broken\n${jsonl({ text: 'two' })}`)
    const refused: [string, number][] = []
    const read = await collect(readPassages(at, { onRefused: ({ message }, line) => refused.push([message, line]) }))
    expect(read.map(({ line }) => line)).toEqual([2, 5])
    expect(refused.map(([, line]) => line)).toEqual([4])
    expect(refused[0]?.[0]).toMatch(/line 4: this is not JSON/)
  })

  test('end with the failure of whoever reads, which is no record of the file', async () => {
    const at = file('a.jsonl', jsonl({ text: 'one' }, { text: 'two' }))
    const refused: unknown[] = []
    const source = readPassages(at, { onRefused: (error) => refused.push(error) })
    await source.next()
    await expect(source.throw(new Error('the log is full'))).rejects.toThrow('the log is full')
    expect(refused).toEqual([])
  })

  test('of an array are those where its items begin', async () => {
    const at = file('a.json', '[\n {"text": "a,]}\\""},\n\n {"text":\n "b"}, {"text": "c\\\\"}\n]')
    const read = await collect(readPassages(at))
    expect(read.map(({ line, value }) => [line, value.text])).toEqual([
      [2, 'a,]}"'],
      [4, 'b'],
      [5, 'c\\'],
    ])
  })

  test('end at the size of the file, packed or not', async () => {
    const content = jsonl(
      ...Array.from({ length: 40_000 }, (_, i) => ({ id: i, text: `passage ${i} ${'x'.repeat(i % 90)}` })),
    )
    for (const bytes of [Buffer.from(content), gzipSync(content)]) {
      const read = await collect(readPassages(file('a', bytes)))
      const positions = read.map(({ position }) => position)
      expect(read.length).toBe(40_000)
      expect(positions).toEqual(positions.toSorted((a, b) => a - b))
      expect(positions.at(-1)).toBe(bytes.length)
      expect(positions[0]).toBeLessThan(bytes.length)
    }
  })

  test('survive records that are cut anywhere by the parts in which a file is read', async () => {
    const texts = Array.from({ length: 3000 }, (_, i) => `${i} "ü🙂\\" ${'é'.repeat((i * 37) % 700)}`)
    const records = texts.map((text, i) => ({ id: i, text }))
    for (const content of [jsonl(...records), JSON.stringify(records), JSON.stringify(records, null, 1)]) {
      const read = await values(readPassages(file('a', content)))
      expect(read.map(({ text }) => text)).toEqual(texts)
    }
  })

  test('stop at once when the signal says so', async () => {
    const stop = new AbortController()
    const at = file(
      'a.jsonl',
      jsonl(...Array.from({ length: 100_000 }, (_, i) => ({ id: i, text: 'word '.repeat(20) }))),
    )
    const reading = async () => {
      for await (const { line } of readPassages(at, { signal: stop.signal })) if (line === 10) stop.abort()
    }
    expect((await refusal(reading())).name).toBe('AbortError')
  })

  test('may be left in the middle', async () => {
    const content = jsonl(...Array.from({ length: 50_000 }, (_, i) => ({ id: i, text: 'word '.repeat(20) })))
    for (const bytes of [content, gzipSync(content)]) {
      for await (const { line } of readPassages(file('a', bytes))) if (line === 3) break
    }
  })
})

describe('queries', () => {
  const whole = {
    id: 'nq-1',
    question: 'who lives?',
    answers: ['Kent', 'Albany'],
    dataset: 'nq',
    lang: 'de',
    gold_passage_ids: ['7'],
  }
  const least = { question: 'who lives?', answers: [], dataset: '', lang: 'en', gold_passage_ids: [] }

  test('come with all that is known of them', async () => {
    expect(await values(readQueries(file('a.jsonl', jsonl(whole))))).toEqual([whole])
  })

  const names: [string, object, object][] = [
    ['query and answer', { id: 1, query: 'who lives?', answer: 'Kent' }, { ...least, id: '1', answers: ['Kent'] }],
    [
      'golden_answers',
      { id: 1, question: 'who lives?', golden_answers: ['Kent', 4] },
      { ...least, id: '1', answers: ['Kent', '4'] },
    ],
    ['_id', { _id: 'x', question: 'who lives?' }, { ...least, id: 'x' }],
    [
      'null where nothing is known',
      { id: 'x', question: 'who lives?', answers: null, dataset: null },
      { ...least, id: 'x' },
    ],
    [
      'both names, of which answers comes first',
      { id: 'x', question: 'who lives?', answer: 'A', answers: ['B'] },
      { ...least, id: 'x', answers: ['B'] },
    ],
  ]
  test.each(names)('may say %s', async (_name, record, query) => {
    expect(await values(readQueries(file('a.jsonl', jsonl(record))))).toEqual([query])
  })

  test('without ids are one where question, dataset and answers are the same, and otherwise two', async () => {
    const one = { question: 'who lives?', answers: ['Kent'], dataset: 'nq' }
    const others = [one, { ...one, answers: ['Lear'] }, { ...one, dataset: 'squad' }, { ...one, answers: [] }]
    const read = await values(readQueries(file('a.jsonl', jsonl(...others, { ...one, query: 'ignored' }))))
    expect(read.map(({ answers, dataset }) => [dataset, answers])).toEqual(
      others.map(({ answers, dataset }) => [dataset, answers]),
    )
    expect(new Set(read.map(({ id }) => id)).size).toBe(others.length)
  })

  test('get ids from their content, and the same question under two ids stays two queries', async () => {
    const [derived] = await values(readQueries(file('a.jsonl', jsonl({ question: 'who lives?' }))))
    expect(derived?.id).toMatch(/^[0-9a-f]{16}$/)
    const twice = jsonl({ id: 'a', question: 'who lives?' }, { id: 'b', question: 'who lives?' })
    expect((await values(readQueries(file('a.jsonl', twice)))).map(({ id }) => id)).toEqual(['a', 'b'])
  })
})

describe('requests', () => {
  test('for gains keep the order of the passages and give ids to those without', async () => {
    const request = {
      id: 'q',
      query: 'who lives?',
      answers: ['Kent'],
      passages: [{ id: 'b', title: 'T', text: 'two' }, { text: 'one' }, { id: 'b', text: 'three' }],
    }
    const [read] = await values(readGainRequests(file('a.jsonl', jsonl(request, request))))
    expect(read?.query).toMatchObject({ id: 'q', question: 'who lives?', answers: ['Kent'] })
    expect(read?.passages.map(({ text }) => text)).toEqual(['two', 'one', 'three'])
    expect(read?.passages.map(({ id }) => id)).toEqual(['b', expect.stringMatching(/^[0-9a-f]{16}$/), 'b'])
  })

  test('for grades may have an empty prediction, no golds and no id', async () => {
    const lines = [
      { id: 1, dataset: 'nq', prediction: 'Kent', answers: ['Kent'] },
      { prediction: '', golden_answers: [] },
    ]
    expect(await values(readPredictions(file('a.jsonl', jsonl(...lines))))).toEqual([
      { id: '1', dataset: 'nq', lang: 'en', prediction: 'Kent', answers: ['Kent'] },
      { id: '', dataset: '', lang: 'en', prediction: '', answers: [] },
    ])
  })
})

type Read = (path: string) => AsyncIterable<unknown>
const good = JSON.stringify(passage)
const asked = { id: 'q', query: 'who?', answers: ['Kent'] }

describe('a record that cannot be read is named with its file, its line and what to do', () => {
  const bad: [string, Read, string, string][] = [
    [
      'a line cut short',
      readPassages,
      `${good}\n{"id": "8", "te`,
      'line 2: this is not JSON (unterminated string); mend or delete the line',
    ],
    [
      'a line with one comma too many',
      readPassages,
      '{"id": 1,}',
      'line 1: this is not JSON (expected double-quoted property name); mend or delete the line',
    ],
    [
      'a line that ends too soon',
      readPassages,
      '{"id": 1',
      "line 1: this is not JSON (expected ',' or '}' after property value); mend or delete the line",
    ],
    ['a word', readPassages, 'hello', "line 1: this is not JSON (unexpected token 'h'); mend or delete the line"],
    [
      'a blank item',
      readPassages,
      `[${good},\n]`,
      'line 2, item 2: this is not JSON (unexpected end); mend or delete the line',
    ],
    [
      'an item of an array',
      readPassages,
      `[${good},\n\n{"id": 9}]`,
      'line 3, item 2: the text of the passage is missing; give it as text or contents (this record has id)',
    ],
    ['a number', readPassages, '17', 'line 1: this is a number, not a record; write it as {"field": value, …}'],
    ['null', readPassages, 'null', 'line 1: this is null, not a record; write it as {"field": value, …}'],
    [
      'an empty text',
      readPassages,
      jsonl({ id: 1, text: '' }),
      'line 1: text is empty; fill it in or delete the record',
    ],
    [
      'a blank text',
      readPassages,
      jsonl({ id: 1, text: ' \n\t' }),
      'line 1: text is empty; fill it in or delete the record',
    ],
    [
      'a title without a text',
      readPassages,
      jsonl({ id: 1, contents: '"Lear"\n ' }),
      'line 1: contents has a title and no text below it; fill it in or delete the record',
    ],
    [
      'a text that is none',
      readPassages,
      jsonl({ id: 1, text: ['a'] }),
      'line 1: text is a list; it must be a text in quotes',
    ],
    [
      'a title that is none',
      readPassages,
      jsonl({ id: 1, title: 3, text: 'a' }),
      'line 1: title is a number; it must be a text in quotes',
    ],
    [
      'an id that is none',
      readPassages,
      jsonl({ id: {}, text: 'a' }),
      'line 1: id is a record; it must be a text in quotes',
    ],
    [
      'an empty id',
      readPassages,
      jsonl({ id: '', text: 'a' }),
      'line 1: id is empty; fill it in, or leave it out and get one from the content',
    ],
    [
      'an id given twice',
      readPassages,
      `${good}\n\n${good}`,
      'line 3: the id 7 was given to line 1 already; ids must differ',
    ],
    [
      'a slip of the pen',
      readPassages,
      jsonl({ id: 1, titel: 'a', text: 'b' }),
      'line 1: the field titel is unknown; did you mean title?',
    ],
    [
      'a query among passages',
      readPassages,
      jsonl({ id: 1, question: 'who?' }),
      'line 1: this is a query, not a passage; name a corpus here',
    ],
    [
      'a passage among queries',
      readQueries,
      good,
      'line 1: this is a passage, not a query; name a file of queries here',
    ],
    [
      'no question',
      readQueries,
      jsonl({ id: 1, answers: [] }),
      'line 1: the question is missing; give it as question or query (this record has id, answers)',
    ],
    [
      'no field at all',
      readQueries,
      '{}',
      'line 1: the question is missing; give it as question or query (this record has no fields)',
    ],
    ['a blank question', readQueries, jsonl({ query: ' ' }), 'line 1: query is empty; fill it in or delete the record'],
    [
      'another spelling',
      readQueries,
      jsonl({ question: 'who?', goldenAnswers: ['a'] }),
      'line 1: the field goldenAnswers is unknown; did you mean golden_answers?',
    ],
    [
      'letters that changed places',
      readQueries,
      jsonl({ question: 'who?', anwsers: ['a'] }),
      'line 1: the field anwsers is unknown; did you mean answers?',
    ],
    [
      'an id under another name',
      readQueries,
      jsonl({ qid: 1, question: 'who?' }),
      'line 1: the field qid is unknown; did you mean id?',
    ],
    [
      'an answer that is no text',
      readQueries,
      jsonl({ question: 'who?', answers: ['a', { b: 1 }] }),
      'line 1: answers[1] is a record; it must be a text in quotes',
    ],
    [
      'a yes that is no text',
      readQueries,
      jsonl({ question: 'who?', answer: true }),
      'line 1: answer is a boolean; it must be a text in quotes',
    ],
    [
      'a gain without golds',
      readGainRequests,
      jsonl({ id: 'q', query: 'who?', passages: [passage] }),
      'line 1: a gold answer is missing; give it as answers or golden_answers or answer (this record has id, query, passages)',
    ],
    [
      'a gain with an empty list of golds',
      readGainRequests,
      jsonl({ ...asked, answers: [], passages: [passage] }),
      'line 1: answers is empty; a gain is measured against at least one gold answer',
    ],
    [
      'a gain without passages',
      readGainRequests,
      jsonl({ ...asked, passages: [] }),
      'line 1: passages must be a list of at least one {"title": …, "text": …}',
    ],
    [
      'a gain with a bad passage',
      readGainRequests,
      jsonl({ ...asked, passages: [passage, { text: '' }] }),
      'line 1: passages[1]: text is empty; fill it in or delete the record',
    ],
    [
      'a gain with a slip in a passage',
      readGainRequests,
      jsonl({ ...asked, passages: [{ txt: 'a' }] }),
      'line 1: passages[0]: the field txt is unknown; did you mean text?',
    ],
    [
      'a gain with a passage that is a text',
      readGainRequests,
      jsonl({ ...asked, passages: ['a'] }),
      'line 1: passages[0]: this is a string, not a record; write it as {"field": value, …}',
    ],
    [
      'a grade without a prediction',
      readPredictions,
      jsonl({ answers: ['a'] }),
      'line 1: prediction is missing or no text; give what the reader said, "" where it said nothing',
    ],
    [
      'a grade without golds',
      readPredictions,
      jsonl({ prediction: 'a' }),
      'line 1: the list of gold answers is missing; give it as answers or golden_answers or answer (this record has prediction)',
    ],
  ]
  test.each(bad)('%s', async (_name, read, content, words) => {
    const at = file('queries.jsonl', content)
    const error = await refusal(collect(read(at)))
    expect(error).toBeInstanceOf(Rejected)
    expect(error.message).toBe(`${at} ${words}`)
  })

  test('what is not UTF-8', async () => {
    const at = file(
      'a.jsonl',
      Buffer.concat([Buffer.from(`${good}\n{"id": 8, "text": "`), Buffer.from([0xe4, 0xf6]), Buffer.from('"}')]),
    )
    const error = await refusal(collect(readPassages(at)))
    expect(error.message).toBe(`${at} line 2: this is not UTF-8; save the file in that encoding`)
  })
})

describe('a file that cannot be read', () => {
  const packed = gzipSync(jsonl(...Array.from({ length: 50_000 }, (_, i) => ({ id: i, text: `passage ${i * 7919}` }))))
  const damaged = Buffer.from(packed)
  damaged.fill(0xaa, 5000, 5100)

  const bad: [string, string | Buffer, string][] = [
    ['that is empty', '', 'is empty; it needs at least one record'],
    ['that holds blank lines only', '\n \n\r\n', 'is empty; it needs at least one record'],
    ['that holds an empty array', ' [ \n] ', 'is empty; it needs at least one record'],
    [
      'with an array without an end',
      `[${good},`,
      'line 1: the array that begins the file has no end; the file is cut short',
    ],
    ['with more after its array', `[${good}]\n${good}`, 'line 2: there is more after the end of the array; delete it'],
    ['with two arrays', `[${good}]\n[]`, 'line 2: there is more after the end of the array; delete it'],
    [
      'that is a gzip cut short',
      packed.subarray(0, packed.length - 2000),
      'is cut short: its gzip data end too early; copy or download it again',
    ],
    [
      'that is a damaged gzip',
      damaged,
      'is damaged: its gzip data do not fit their checksum or format; copy or download it again',
    ],
    [
      'that is a zip archive',
      Buffer.from('504b030414000000', 'hex'),
      'is a zip archive; what can be read is UTF-8 text, plain or packed with gzip, and Parquet',
    ],
    [
      'that is a broken Parquet file',
      'PAR1....',
      'cannot be read as Parquet (parquet file invalid (footer != PAR1)); copy or download it again',
    ],
    [
      'in UTF-16',
      Buffer.from(`\uFEFF${good}`, 'utf16le'),
      'is text in UTF-16; what can be read is UTF-8 text, plain or packed with gzip, and Parquet',
    ],
  ]
  test.each(bad)('%s stops the work with a sentence', async (_name, content, words) => {
    const at = file('corpus.jsonl', content)
    const error = await refusal(collect(readPassages(at, { onRefused: () => undefined })))
    expect(error).toBeInstanceOf(Fatal)
    expect(error.message).toBe(`${at} ${words}`)
  })

  test('that is cut short gives what was whole before', async () => {
    const at = file('corpus.jsonl.gz', packed.subarray(0, packed.length / 2))
    let read = 0
    const reading = async () => {
      for await (const { value } of readPassages(at)) expect(value.id).toBe(String(read++))
    }
    expect((await refusal(reading())).message).toMatch(/is cut short/)
    expect(read).toBeGreaterThan(10_000)
  })

  test('that is missing, a folder, or below a file', async () => {
    const at = file('corpus.jsonl', good)
    const folder = path('folder')
    mkdirSync(folder)
    const messages = await Promise.all(
      [`${dirname(at)}/other.jsonl`, folder, `${at}/${basename(at)}`].map(async (name) => {
        const error = await refusal(collect(readPassages(name)))
        expect(error).toBeInstanceOf(Fatal)
        return error.message.slice(name.length)
      }),
    )
    expect(messages).toEqual([
      ' does not exist; check the path',
      ' is a folder; name a file',
      ' cannot be reached: a part of its path is a file, not a folder',
    ])
  })

  test('because no record of it ever ends', async () => {
    const at = file('a.jsonl', Buffer.alloc(65 * 1024 * 1024, 0x61))
    expect((await refusal(collect(readPassages(at)))).message).toMatch(/line 1: this record is longer than 64 MB/)
  })
})
